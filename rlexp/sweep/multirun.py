"""A sweep from its overrides to its report: what `rlexp -m` and `rlexp resume` do, and the same from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.config.labs.search_path import lab_of, remember_lab_in_use
from rlexp.hardware.ray_session import import_ahead
from rlexp.storage.buckets.fetch import fetched
from rlexp.storage.sweeps.sweep_view import is_sweep
from rlexp.sweep.execution import preload
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.foreign_trials import refuse_untrusted
from rlexp.sweep.planning.plan import Plan, plan
from rlexp.sweep.trials.environment_trials import try_environments
from rlexp.terminal.quiet import terminal

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_LINES = 10
"""Trials that are named, of those that are left out."""


@dataclass(frozen=True)
class SweepOutcome:
    """How a sweep ended.

    Attributes:
        folder: the sweep's.
        status: `done`, `failed` (at least one trial has) or `stopped` (some have not ended).
        exit_code: the command's.
        report: its page; None where none could be written, and then `report_error` says why.
    """

    folder: Path
    status: str
    exit_code: int
    report: Path | None = None
    report_error: str | None = None

    def table(self) -> DataFrame:
        """One row a trial; see `rlexp.trials`."""
        from rlexp.sweep.results.trials_dataframe import trials

        return trials(self.folder)

    @property
    def best(self) -> Path:
        """The folder of the trial with the best score, for `rlexp.load`, `rlexp.evaluate` and `rlexp.make_env`.

        Raises:
            ConfigError: no trial has a score, or the trials are of several environments (then see `best_by`).
        """
        return self.best_by()

    def best_by(self, metric: str | None = None, mode: str | None = None, env: str | None = None) -> Path:
        """The folder of the best trial by any metric that the trials have logged.

        Args:
            metric: its last value counts, of several seeds a point their aggregate; None: the sweep's own.
            mode: `max` or `min`; None: the sweep's own for its own metric, else what is better of it.
            env: of this environment's trials, where the sweep varies it.

        Raises:
            ConfigError: no trial has logged the metric, or the trials are of several environments and none is named.
        """
        from rlexp.sweep.results.best_by_metric import best_by

        return best_by(SweepFolder(self.folder), metric, mode, env).folder


def multirun(
    overrides: Sequence[str] = (), *, config_name: str = "config", config_dir: Path | str | None = None
) -> SweepOutcome:
    """Runs a sweep, as `rlexp -m` does, and comes back when it has ended.

    >>> import rlexp
    >>> sweep = rlexp.multirun(["env=cartpole", "algorithm.lr=1e-3,1e-4", "stop.env_steps=2000", "tracking=none"])
    >>> sweep.status
    'done'
    >>> list(sweep.table()["algorithm.lr"].sort_values())
    [0.0001, 0.001]
    >>> policy = rlexp.load(sweep.best)

    Ctrl-C lets the trials save and stop; `rlexp.resume_multirun(sweep.folder)` goes on.

    Args:
        overrides: as after `rlexp -m`.
        config_name: the primary config.
        config_dir: a further folder of configs.

    Raises:
        ConfigError: the space or any of the trials is refused; nothing has started then.
    """
    request = SweepRequest(tuple(overrides), config_name, str(config_dir) if config_dir is not None else None)
    sweep_plan = plan_sweep(request)
    if sweep_plan.settings.plan:
        raise ConfigError(
            "sweep.plan=true only tells the plan, and there is nobody to tell it to", key="sweep.plan"
        )
    return start_sweep(sweep_plan, request, ["rlexp", "-m", *overrides])


def resume_multirun(path: Path | str, overrides: Sequence[str] = ()) -> SweepOutcome:
    """Goes on with a sweep, as `rlexp resume` does: done trials are not run again, stopped and failed ones go on.

    Args:
        path: its folder, or its address in a store.
        overrides: changes for all trials, or of the sweep's own settings (`["sweep.trials=40"]`).

    Raises:
        ConfigError: there is no sweep, another process runs it, or an override is refused.
    """
    folder = fetched(path)
    if not is_sweep(folder):
        raise ConfigError(f"{path} is no sweep's folder", fix=f"rlexp.resume({str(path)!r}) for a single run")
    return resume_sweep(SweepFolder(folder.absolute()), overrides, ["rlexp", "resume", str(path), *overrides])


def plan_sweep(request: SweepRequest) -> Plan:
    """Composes and checks all trials, and tries an environment of each.

    Raises:
        ConfigError: something is refused.
    """
    try:
        with terminal().status("composing the trials ...") as update_status:
            sweep_plan = plan(
                request.overrides,
                config_name=request.config_name,
                config_dir=request.config_dir,
                progress=lambda composed, of: update_status(f"composing the trials: {composed} of {of} ..."),
                begun=lambda settings, first: None if settings.plan else preload.begin(first),
            )
            _refuse_single(sweep_plan)
            update_status("trying an environment ...")
            try_environments([*sweep_plan.trials, *sweep_plan.ends])
    except BaseException:
        import_ahead.end()
        raise
    for line in sweep_plan.left_out[:MOST_LINES]:
        terminal().say(line)
    if len(sweep_plan.left_out) > MOST_LINES:
        terminal().say(f"and {len(sweep_plan.left_out) - MOST_LINES} more")
    return sweep_plan


def _refuse_single(sweep_plan: Plan) -> None:
    if not sweep_plan.space.dimensions and sweep_plan.settings.seeds == 1:
        raise ConfigError(
            "-m: no key has several values, so there is nothing to sweep",
            fix="rlexp -m ... seed=0,1,2   (or leave -m out: one run)",
        )


def start_sweep(sweep_plan: Plan, request: SweepRequest, command: Sequence[str]) -> SweepOutcome:
    """Freezes a plan in a folder and runs it."""
    remember_lab_in_use()
    name = sweep_plan.settings.name or datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = SweepFolder.create(sweep_plan, name, command, request)
    print(f"{sweep_plan.count} trials in {folder.place}", flush=True)
    return _run_and_report(folder, [], command)


def resume_sweep(folder: SweepFolder, overrides: Sequence[str], command: Sequence[str]) -> SweepOutcome:
    """Goes on with a sweep that may be somebody else's."""
    with lab_of(folder.path):
        refuse_untrusted(folder, overrides)
        return _run_and_report(folder, overrides, command)


def _run_and_report(folder: SweepFolder, overrides: Sequence[str], command: Sequence[str]) -> SweepOutcome:
    """Runs what is not done yet, then writes the report."""
    from rlexp.report.writing import report
    from rlexp.sweep.execution.run_trials import run_sweep

    code = run_sweep(folder, overrides, command)
    status = str(folder.state()["status"])
    try:
        return SweepOutcome(folder.path, status, code, report([folder.path])[0])
    except ConfigError as error:
        reason = " ".join(line.strip() for line in str(error).splitlines())
        return SweepOutcome(folder.path, status, code, report_error=reason)
