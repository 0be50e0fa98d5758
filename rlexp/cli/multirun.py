"""`rlexp -m [overrides]`: a sweep; and `rlexp resume sweeps/<name>`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime

from rlexp.errors import EXIT_DONE, ConfigError
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.plan import plan


def run(args: Namespace, argv: Sequence[str]) -> int:
    """Plans the sweep, freezes the plan in a folder, and runs it; `sweep.plan=true` only tells it.

    Returns:
        The exit code of the worst trial; 130 when it was interrupted.

    Raises:
        ConfigError: the space or any of the trials is refused; nothing has started then.
    """
    from rlexp.terminal.sweep_table import print_plan

    found = plan(args.overrides, config_name=args.config_name or "config", config_dir=args.config_dir)
    if found.settings.plan:
        print_plan(found)
        return EXIT_DONE
    name = found.settings.name or datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = SweepFolder.create(found, name, ["rlexp", *argv])
    print(f"{len(found.trials)} trials in {folder.path}", flush=True)
    return go_on(folder, [], ["rlexp", *argv])


def go_on(folder: SweepFolder, overrides: Sequence[str], command: Sequence[str]) -> int:
    """Runs what is not done yet, then tells how the trials stand and writes the report."""
    from rlexp.sweep.run import run_sweep
    from rlexp.terminal.sweep_table import print_standings

    code = run_sweep(folder, overrides, command)
    print_standings(folder, [_report(folder)])
    return code


def _report(folder: SweepFolder) -> str:
    """Writes the report, where it can be; a line on where it lies, or on why there is none."""
    from rlexp.report.writing import report

    try:
        return f"report  {report([folder.path])[0]}"
    except ConfigError as error:
        return "report  none: " + " ".join(line.strip() for line in str(error).splitlines())
