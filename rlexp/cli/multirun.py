"""`rlexp -m [overrides]`: a sweep; and `rlexp resume sweeps/<name>`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime

from rlexp.errors import EXIT_DONE, ConfigError
from rlexp.sweep.fits import try_environments
from rlexp.sweep.folder import Asked, SweepFolder
from rlexp.sweep.plan import Plan, plan
from rlexp.terminal.quiet import terminal


def run(args: Namespace, argv: Sequence[str]) -> int:
    """Plans the sweep, freezes the plan in a folder, and runs it; `sweep.plan=true` only tells it.

    Returns:
        1 when a trial has failed, 130 when it was interrupted, else 0.

    Raises:
        ConfigError: the space or any of the trials is refused; nothing has started then.
    """
    from rlexp.terminal.sweep_table import print_plan

    asked = Asked(tuple(args.overrides), args.config_name or "config", args.config_dir)
    with terminal().status("composing the trials ..."):
        found = plan(asked.overrides, config_name=asked.config_name, config_dir=asked.config_dir)
        try_environments([*found.trials, *found.ends])
    if found.settings.plan:
        print_plan(found, _needs(found))
        return EXIT_DONE
    name = found.settings.name or datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = SweepFolder.create(found, name, ["rlexp", *argv], asked)
    print(f"{found.count} trials in {folder.path}", flush=True)
    return go_on(folder, [], ["rlexp", *argv])


def _needs(plan: Plan) -> list[str]:
    """What the trials book, how many run at once, and how long all of it will take."""
    from rlexp.hardware.machine import look
    from rlexp.sweep.estimate import seconds
    from rlexp.sweep.resources import at_once, booked
    from rlexp.terminal.spans import duration

    kinds = plan.trials or plan.ends
    first = kinds[0].config
    told = ", ".join(f"{amount:g} {name}" for name, amount in booked(first).items())
    if first.hardware.address != "local":
        return [f"each books {told} of the cluster at {first.hardware.address}"]
    machine = look()
    have = {"CPU": float(machine.cores), "GPU": float(len(machine.gpus))}
    room = min(at_once(trial.config, have, plan.settings.concurrency) for trial in kinds)
    side_by_side = min(room, plan.count)
    lines = [f"each books {told}: {side_by_side} at once on this machine"]
    if (time := seconds(plan, side_by_side)) is not None:
        lines.append(f"about {duration(time[0])} in all, by {time[1]}")
    return lines


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
