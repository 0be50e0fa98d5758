"""Runs a sweep's trials, those that are not done yet, one after another."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rlexp.config.checks import check
from rlexp.config.convert import to_plain
from rlexp.config.schema import RunConfig
from rlexp.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, RlexpError
from rlexp.run import saved
from rlexp.run.drive import Outcome
from rlexp.run.resume import resume
from rlexp.run.train import train
from rlexp.sweep.folder import Planned, SweepFolder
from rlexp.sweep.settings import SweepChoice
from rlexp.sweep.standing import Standing, metric_of, standing
from rlexp.terminal.quiet import terminal


@dataclass
class _Progress:
    """For the time left."""

    started: float
    finished: int = 0

    def left(self, waiting: int) -> str:
        if not self.finished:
            return ""
        seconds = (time.monotonic() - self.started) / self.finished * waiting
        return f", about {seconds / 60:,.0f} min left" if seconds >= 90 else f", about {seconds:,.0f} s left"


def run_sweep(folder: SweepFolder, overrides: Sequence[str] = (), command: Sequence[str] = ()) -> int:
    """Trains every trial that is not done; each goes on from its own checkpoints.

    Args:
        folder: frozen.
        overrides: changes for all trials, as for resuming a run; then also those that are done go on.
        command: the command line, for manifests.

    Returns:
        The exit code of the worst trial; 130 when it was interrupted.

    Raises:
        ConfigError: another process runs this sweep, or its records are damaged.
    """
    with folder.held():
        chosen, trials = folder.settings(), folder.planned()
        metric = metric_of(
            chosen.metric, trials[0].config.evaluation.settings.get("evaluation_interval") is not None
        )
        told = {trial.name: standing(folder.run(trial.name), metric) for trial in trials}
        todo = [trial for trial in trials if overrides or told[trial.name].status != "done"]
        folder.update(status="running", metric=metric, trials=_plain(trials, told))
        progress, worst = _Progress(time.monotonic()), EXIT_DONE
        for number, trial in enumerate(todo):
            left = progress.left(len(todo) - number)
            terminal().say(f"[{len(trials) - len(todo) + number + 1}/{len(trials)}{left}] {trial.name}")
            code, error = _trial(folder, trial, chosen, overrides, command)
            told[trial.name] = standing(folder.run(trial.name), metric, error)
            folder.update(trials=_plain(trials, told))
            progress.finished += 1
            worst = max(worst, code)
            if code == EXIT_INTERRUPTED or (code != EXIT_DONE and chosen.fail_fast):
                break
        status = {EXIT_DONE: "done", EXIT_INTERRUPTED: "stopped"}.get(worst, "failed")
        folder.update(status=status)
        return worst


def _trial(
    folder: SweepFolder, trial: Planned, chosen: SweepChoice, overrides: Sequence[str], command: Sequence[str]
) -> tuple[int, str | None]:
    """One trial, continued as often as it may fail; its exit code, and what went wrong."""
    screen = terminal()
    for _ in range(1 + chosen.max_failures):
        try:
            outcome = _once(folder, trial, overrides, command)
        except RlexpError as error:
            # Refused late, e.g. an action space that the algorithm cannot take: the others may still run.
            screen.error(str(error))
            return error.exit_code, str(error)
        told = outcome.summary
        screen.say(
            f"  {outcome.status}: {told.get('reason')}; {told['env_steps']:,} env steps in {told['wall_s']:,.0f} s"
        )
        if outcome.error is not None:
            screen.error(f"{outcome.error} ({outcome.folder / 'error.txt'})")
        if outcome.exit_code != EXIT_FAILED:
            break
    return outcome.exit_code, outcome.error


def _once(folder: SweepFolder, trial: Planned, overrides: Sequence[str], command: Sequence[str]) -> Outcome:
    """Begins the trial, or goes on where it stands."""
    if folder.run(trial.name) is not None:
        return resume(folder.trials / trial.name, overrides, command=command)
    config = dataclasses.replace(trial.config, name=trial.name, runs_dir=str(folder.trials))
    if overrides:
        config = _changed(config, overrides)
    return train(config, command=command, overrides=trial.overrides, group=folder.path.name)


def _changed(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    return check(saved.composed(saved.with_overrides(to_plain(config), overrides), config.choices))


def _plain(trials: Sequence[Planned], told: dict[str, Standing]) -> dict[str, object]:
    return {
        trial.name: {**dataclasses.asdict(told[trial.name]), "varied": dict(trial.varied)} for trial in trials
    }
