"""What schedulers are shown: results with a score, and on resuming what the trials have reported before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from rlexp.sweep.trials.trial_task import SCORE, SHARE, TIME

_WITHOUT_SEARCH: Any = SimpleNamespace(search_alg=None, stop_trial=lambda trial: None)
History = Mapping[str, Sequence[tuple[int, float]]]
"""By trial: env steps and score, in order."""


def with_scores_only(
    scheduler: TrialScheduler,
    history: History | None = None,
    over: Sequence[str] = (),
    share: float = 1.0,
    milestones: Sequence[int] = (),
) -> TrialScheduler:
    """`scheduler`, shown nothing without a score: most of Tune's would raise, or take the trial for the worst.

    Args:
        scheduler: by the keys `score` and `env_steps`.
        history: what trials reported in earlier sessions, those that are over among them; it is judged by that too.
        over: trials that will not run again.
        share: of an env step in the budget, in the units of `keys.SHARE`.
        milestones: env steps, rising, that it sees in place of those at which a result came: it counts from its last
            decision on, and iterations end a little after a milestone.
    """
    kind = type(scheduler)
    fields = {"_before": dict(history or {}), "_over": list(over), "_share": share, "_milestones": milestones}
    scheduler.__class__ = type(f"Scored{kind.__name__}", (_ScoresOnly, kind), fields)
    return scheduler


class _ScoresOnly(TrialScheduler):
    """Mixed in before Tune's class, which Tune looks for by `isinstance`."""

    _before: dict[str, Sequence[tuple[int, float]]]
    _over: list[str]
    _share: float
    _milestones: Sequence[int]

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self._replay_others()
        # PBT refuses searchers, as most learn from results; the trials here come from a plan.
        super().on_trial_add(_WITHOUT_SEARCH, trial)
        self._replay(trial, self._before.pop(str(trial.config["trial"]), ()))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        if SCORE not in result:
            return TrialScheduler.CONTINUE
        result[SHARE] = result[TIME] * self._share
        shown = {**result, TIME: self._milestone(result[TIME])} if self._milestones else result
        return str(super().on_trial_result(tune_controller, trial, shown))

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if SCORE in result:
            super().on_trial_complete(tune_controller, trial, result)
        else:
            super().on_trial_remove(tune_controller, trial)

    def _milestone(self, env_steps: int) -> int:
        """The last one that was passed."""
        return max((each for each in self._milestones if each <= env_steps), default=0)

    def _get_new_config(self, trial: Trial, trial_to_clone: Trial) -> tuple[dict[str, Any], dict[str, Any]]:
        """PBT hands a clone the donor's full config; it stays the trial that it is."""
        config, operations = super()._get_new_config(trial, trial_to_clone)
        return {**config, "trial": trial.config["trial"]}, operations

    def _replay_others(self) -> None:
        while self._over:
            name = self._over.pop()
            stand_in: Any = SimpleNamespace(
                trial_id=f"before-{name}", config={"trial": name}, status=Trial.TERMINATED, last_result={}
            )
            super().on_trial_add(_WITHOUT_SEARCH, stand_in)
            last = self._replay(stand_in, self._before.pop(name, ()))
            if last is not None:
                super().on_trial_complete(_WITHOUT_SEARCH, stand_in, last)

    def _replay(self, trial: Any, rows: Sequence[tuple[int, float]]) -> dict[str, Any] | None:
        """What it would decide now does not matter: it has been decided. Returns the last report."""
        result: dict[str, Any] | None = None
        for env_steps, score in rows:
            result = {
                TIME: env_steps,
                SHARE: env_steps * self._share,
                SCORE: score,
                "training_iteration": 1,
                "time_total_s": 0.0,
            }
            super().on_trial_result(_WITHOUT_SEARCH, trial, result)
        return result
