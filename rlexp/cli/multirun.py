"""`rlexp -m [overrides]`: a sweep; and `rlexp resume sweeps/<name>`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from rlexp.base.errors import EXIT_DONE
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.multirun import SweepOutcome, plan_sweep, start_sweep
from rlexp.sweep.planning.plan import Plan


def run(args: Namespace, argv: Sequence[str]) -> int:
    """Plans the sweep, freezes the plan in a folder, and runs it; `sweep.plan=true` only tells it.

    Returns:
        1 when a trial has failed, 130 when it was interrupted (75 by a batch system), else 0.

    Raises:
        ConfigError: the space or any of the trials is refused; nothing has started then.
    """
    request = SweepRequest(tuple(args.overrides), args.config_name or "config", args.config_dir)
    sweep_plan = plan_sweep(request)
    if sweep_plan.settings.plan:
        from rlexp.sweep.results.standings_table import print_plan

        print_plan(sweep_plan, _needs(sweep_plan))
        return EXIT_DONE
    return close(start_sweep(sweep_plan, request, ["rlexp", *argv]))


def _needs(plan: Plan) -> list[str]:
    """What the trials book, how many run at once, and how long all of it will take."""
    from rlexp.base.durations import duration
    from rlexp.hardware.machine.machine import inspect_machine
    from rlexp.sweep.planning.estimate import seconds
    from rlexp.sweep.trials.resources import at_once, booked

    kinds = plan.trials or plan.ends
    first = kinds[0].config
    booked_text = ", ".join(f"{amount:g} {name}" for name, amount in booked(first).items())
    if first.hardware.address != "local":
        return [f"each books {booked_text} of the cluster at {first.hardware.address}"]
    machine = inspect_machine()
    have = {"CPU": float(machine.cores), "GPU": float(len(machine.gpus))}
    room = min(at_once(trial.config, have, plan.settings.concurrency) for trial in kinds)
    side_by_side = min(room, plan.count)
    lines = [f"each books {booked_text}: {side_by_side} at once on this machine"]
    if (time := seconds(plan, side_by_side)) is not None:
        lines.append(f"about {duration(time[0])} in all, by {time[1]}")
    return lines


def close(outcome: SweepOutcome) -> int:
    """Prints the trials' statuses and where the report lies, or why there is none; returns the exit code."""
    from rlexp.sweep.results.standings_table import print_standings

    where = outcome.report or f"none: {outcome.report_error}"
    print_standings(SweepFolder(outcome.folder), [f"report  {where}"])
    return outcome.exit_code
