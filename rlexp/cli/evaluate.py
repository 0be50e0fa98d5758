"""`rlexp evaluate PATH [overrides]`: evaluate a checkpoint from its folder alone."""

from __future__ import annotations

import json

from rlexp.cli.resume import asks_for_help, path_and_overrides
from rlexp.errors import EXIT_DONE

USAGE = """\
rlexp evaluate PATH [key=value ...] [--json]

Runs episodes with a checkpoint's policy and writes evaluation.json into PATH: a run's folder (its newest
checkpoint), runs/<name>/checkpoints/best, any checkpoint's folder, or a sweep's (its best trial).
evaluation.evaluation_duration=100   episodes
evaluation.explore=true              sample actions as in training
--json                               print the result as JSON
"""


def run(argv: list[str]) -> int:
    """Evaluates, prints the metrics, and says where they were written."""
    if asks_for_help(argv):
        print(USAGE)
        return EXIT_DONE
    path, overrides = path_and_overrides([word for word in argv if word != "--json"], "evaluate")
    from rlexp.run.evaluate import RESULT, evaluate
    from rlexp.storage.fetching import fetched
    from rlexp.storage.places import address
    from rlexp.sweep.folder import SweepFolder, is_sweep

    folder = fetched(path)
    if is_sweep(folder):
        path = address(SweepFolder(folder).best())
    result = evaluate(path, overrides)
    if "--json" in argv:
        print(json.dumps(result, indent=2))
        return EXIT_DONE
    width = max(len(name) for name in result["metrics"])
    for name, value in result["metrics"].items():
        print(f"{name:<{width}}  {value:.6g}" if isinstance(value, float) else f"{name:<{width}}  {value}")
    print(f"{result['checkpoint']} evaluated; written to {path}/{RESULT}")
    return EXIT_DONE
