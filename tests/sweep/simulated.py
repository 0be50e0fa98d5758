"""Trials of Tune's own kind that train on paper: what a scheduler sees and decides, without processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

Curve = Callable[[int], float]
"""The score after so many env steps."""


class Simulation:
    """As much of Tune's controller as schedulers may ask for; runs the trials, so many at a time.

    Attributes:
        steps: env steps that each trial has come to, by name.
        pauses: how often a trial has given up its place to another.
        stopped: names of those that the scheduler ended, in that order.
    """

    def __init__(
        self,
        scheduler: TrialScheduler,
        curves: Mapping[str, Curve],
        *,
        budget: int,
        chunk: int | Mapping[str, int],
        slots: int,
        fails_at: Mapping[str, int] | None = None,
    ) -> None:
        self.scheduler, self.curves, self.budget, self.slots = scheduler, curves, budget, slots
        self.chunk = {name: chunk if isinstance(chunk, int) else chunk[name] for name in curves}
        self.fails_at = fails_at or {}
        self.steps = dict.fromkeys(curves, 0)
        self.pauses, self.stopped = 0, list[str]()
        self.trials = [Trial("none", trial_id=name, config={"trial": name}, stub=True) for name in curves]
        for trial in self.trials:
            scheduler.on_trial_add(self, trial)

    def get_trials(self) -> list[Trial]:
        return self.trials

    def get_live_trials(self) -> set[Trial]:
        return {trial for trial in self.trials if not trial.is_finished()}

    def stop_trial(self, trial: Trial) -> None:
        if trial.is_finished():
            return
        if trial.status == Trial.RUNNING:
            self.scheduler.on_trial_complete(self, trial, dict(trial.last_result))
        else:
            self.scheduler.on_trial_remove(self, trial)
        self.stopped.append(trial.trial_id)
        trial.set_status(Trial.TERMINATED)

    def run(self) -> None:
        """To the end of all; a scheduler that leaves trials waiting for nothing is an error."""
        while self.get_live_trials():
            running = [trial for trial in self.trials if trial.status == Trial.RUNNING]
            while len(running) < self.slots:
                chosen = self.scheduler.choose_trial_to_run(self)
                assert chosen is self.scheduler.choose_trial_to_run(self), "choosing must change nothing"
                if chosen is None:
                    break
                assert chosen.status in (Trial.PENDING, Trial.PAUSED)
                chosen.set_status(Trial.RUNNING)
                running.append(chosen)
            assert running, f"{[t.trial_id for t in self.get_live_trials()]} wait for nothing"
            for trial in running:
                if trial.status == Trial.RUNNING:
                    self._iteration(trial)

    def _iteration(self, trial: Trial) -> None:
        name = trial.trial_id
        self.steps[name] += self.chunk[name]
        if self.steps[name] >= self.fails_at.get(name, self.budget + self.chunk[name] + 1):
            self.scheduler.on_trial_error(self, trial)
            trial.set_status(Trial.ERROR)
            return
        result = {"score": self.curves[name](self.steps[name]), "env_steps": self.steps[name]}
        trial.run_metadata.last_result = result
        if self.steps[name] >= self.budget:
            self.scheduler.on_trial_complete(self, trial, result)
            trial.set_status(Trial.TERMINATED)
            return
        decision = self.scheduler.on_trial_result(self, trial, result)
        if decision == TrialScheduler.STOP:
            self.stop_trial(trial)
        elif decision == TrialScheduler.PAUSE:
            self.pauses += 1
            trial.set_status(Trial.PAUSED)
