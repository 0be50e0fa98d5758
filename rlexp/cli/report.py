"""`rlexp report PATH...`: a page of what runs have come to, also of runs that are still going on.

    rlexp report runs/first                     # one run
    rlexp report runs                           # all runs below a folder, compared with each other
    rlexp report runs/a runs/b --metric eval/success_rate --png

Writes report.html, which opens from disk without a network, report.json, the raw data as
marl_eval.json, and each chart as a picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rlexp.base.errors import EXIT_DONE


def run(argv: Sequence[str]) -> int:
    """Writes the report and says where it lies."""
    arguments = _parser().parse_args(list(argv))
    from rlexp.report.writing import report

    pictures = ("svg", "png") if arguments.png else ("svg",)
    written = report(arguments.paths, arguments.out, arguments.metric, pictures, arguments.mode)
    print(f"report: {written[0]}")
    print(f"data: {written[1]}; pictures: {len(written) - 2} in {written[0].parent / 'report'}")
    return EXIT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlexp report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a run's folder, or one above runs; or an address in a store"
    )
    parser.add_argument(
        "--out", type=Path, help="folder to write to (default: PATH; with several, the present one)"
    )
    parser.add_argument(
        "--metric", action="append", default=[], help="draw it too; the first is what runs are compared by"
    )
    parser.add_argument(
        "--mode",
        choices=("max", "min"),
        help="which way it is better (default: the sweep's, else the metric's own)",
    )
    parser.add_argument("--png", action="store_true", help="pictures as PNG besides SVG")
    return parser
