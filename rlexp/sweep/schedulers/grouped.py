"""Seeds of one point are pruned together: a scheduler sees them as one trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from rlexp.storage.sweeps.seed_groups import SeedGroups
from rlexp.sweep.trials.trial_task import SCORE, TIME


@dataclass
class _SeedGroup:
    """How far the seeds of a point are.

    Attributes:
        seeds: how many there are to be.
        trials: those that Tune has been given; the first stands for all before the scheduler.
        scores: of each trial, one for each milestone that it has passed.
        last: of each trial, its last result's env steps and score.
        ended: trials that will report nothing more.
        milestones_judged: how many milestones the scheduler has judged.
        stopped: the scheduler has stopped them.
        has_failed: a seed has failed: the others are compared with nobody.
    """

    seeds: int
    trials: dict[str, Trial] = field(default_factory=dict)
    scores: dict[str, list[float]] = field(default_factory=dict)
    last: dict[str, tuple[int, float]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    milestones_judged: int = 0
    stopped: bool = False
    has_failed: bool = False

    @property
    def representative(self) -> Trial:
        return next(iter(self.trials.values()))

    def complete(self) -> bool:
        """Whether all seeds have passed the milestone that is to be judged next."""
        passed = [name for name, scores in self.scores.items() if len(scores) > self.milestones_judged]
        return len(passed) == self.seeds

    def is_ahead(self, name: str) -> bool:
        """Whether a trial would leave the other seeds further behind."""
        return not (self.has_failed or self.stopped) and len(self.scores[name]) > self.milestones_judged


class SeedGroupScheduler(TrialScheduler):
    """Passes the inner scheduler one result for each point and milestone, and applies its decision to all seeds.

    A seed's score at a milestone is that of its first result at or after it, the point's their mean or interquartile
    mean. A seed that has passed a milestone before the others waits for those that are not running: it would be
    trained in vain where the point is stopped. Where a seed has failed, the others run on and are compared with nobody.
    """

    _supports_buffered_results = False

    def __init__(self, inner: TrialScheduler, groups: SeedGroups, milestones: Sequence[int]) -> None:
        """Wraps a scheduler.

        Args:
            inner: asks no more of a trial than that it is the same one as before (ASHA, the median rule).
            groups: which trials belong together; one that is added later belongs there before Tune adds it.
            milestones: env steps, rising.
        """
        super().__init__()
        self._inner, self._groups, self._milestones = inner, groups, list(milestones)
        self._metric = SCORE
        self._states: dict[str, _SeedGroup] = {}

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """See Tune's."""
        name = trial.config["trial"]
        group = self._groups.of(name)
        state = self._states.setdefault(group, _SeedGroup(len(self._groups.members(group))))
        if not state.trials:
            self._inner.on_trial_add(tune_controller, trial)
        state.trials[name] = trial
        state.scores.setdefault(name, [])

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """See Tune's."""
        name, state = trial.config["trial"], self._state(trial)
        if state.stopped:
            return TrialScheduler.STOP
        if SCORE not in result or TIME not in result:
            return TrialScheduler.CONTINUE
        self._note(state, name, result)
        if self._judge(tune_controller, state, trial):
            return TrialScheduler.STOP
        others = [other for other in state.trials.values() if other is not trial]
        waits = any(other.status in (Trial.PENDING, Trial.PAUSED) for other in others)
        return TrialScheduler.PAUSE if waits and state.is_ahead(name) else TrialScheduler.CONTINUE

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """See Tune's; a seed that ends early, its task solved, keeps its last score."""
        name, state = trial.config["trial"], self._state(trial)
        if not state.stopped and result and SCORE in result and TIME in result:
            self._note(state, name, result)
        if not state.stopped and name in state.last:
            missing = len(self._milestones) - len(state.scores[name])
            state.scores[name] += [state.last[name][1]] * missing
            self._judge(tune_controller, state, trial)
        self._end_trial(tune_controller, state, name)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """See Tune's."""
        state = self._state(trial)
        if not state.has_failed:
            state.has_failed = True
            self._inner.on_trial_error(tune_controller, state.representative)
        self._end_trial(tune_controller, state, trial.config["trial"])

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """See Tune's."""
        state = self._state(trial)
        state.has_failed = state.has_failed or not state.stopped
        self._end_trial(tune_controller, state, trial.config["trial"])

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Seeds of points that have begun come first, of them those that are behind."""
        places = {trial: place for place, trial in enumerate(tune_controller.get_trials())}
        free = [
            trial
            for trial in places
            if trial.status in (Trial.PENDING, Trial.PAUSED)
            and not self._state(trial).is_ahead(trial.config["trial"])
        ]

        def order(trial: Trial) -> tuple[bool, int, int, int]:
            state = self._state(trial)
            fresh = all(other.status == Trial.PENDING for other in state.trials.values())
            passed = len(state.scores[trial.config["trial"]])
            return fresh, places[state.representative], passed, places[trial]

        return min(free, key=order, default=None)

    def debug_string(self) -> str:
        """See Tune's."""
        stopped = sum(state.stopped for state in self._states.values())
        return f"{stopped} points stopped. {self._inner.debug_string()}"

    def _state(self, trial: Trial) -> _SeedGroup:
        return self._states[self._groups.of(trial.config["trial"])]

    def _note(self, state: _SeedGroup, name: str, result: dict[str, Any]) -> None:
        time, score = int(result[TIME]), float(result[SCORE])
        state.last[name] = (time, score)
        passed = sum(time >= milestone for milestone in self._milestones)
        state.scores[name] += [score] * (passed - len(state.scores[name]))

    def _judge(self, tune_controller: Any, state: _SeedGroup, trial: Trial) -> bool:
        """Asks the scheduler about each milestone that all seeds have passed; whether they are to stop."""
        while state.milestones_judged < len(self._milestones) and not state.has_failed and state.complete():
            score = self._groups.score([scores[state.milestones_judged] for scores in state.scores.values()])
            result = {SCORE: score, TIME: self._milestones[state.milestones_judged]}
            decision = self._inner.on_trial_result(tune_controller, state.representative, result)
            state.milestones_judged += 1
            if decision == TrialScheduler.STOP:
                state.stopped = True
                for other in state.trials.values():
                    # Those that run are stopped at their next result: Tune would lose the one that is on its way.
                    if other is not trial and other.status in (Trial.PENDING, Trial.PAUSED):
                        tune_controller.stop_trial(other)
                return True
        return False

    def _end_trial(self, tune_controller: Any, state: _SeedGroup, name: str) -> None:
        """Reports the end to the inner scheduler once, when all seeds have ended."""
        state.ended.add(name)
        if state.has_failed or len(state.ended) < state.seeds:
            return
        if not state.last:
            self._inner.on_trial_error(tune_controller, state.representative)
            return
        times, scores = zip(*state.last.values(), strict=True)
        result = {SCORE: self._groups.score(scores), TIME: min(times)}
        self._inner.on_trial_complete(tune_controller, state.representative, result)
