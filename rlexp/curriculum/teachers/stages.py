"""Stages of rising difficulty, each left when it is mastered: a chain, or a graph of prerequisites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import CheckpointError
from rlexp.curriculum.teachers.parts.teacher_arguments import number
from rlexp.curriculum.teachers.staging.condition import MEANS, RANGES
from rlexp.curriculum.teachers.staging.stage import Stage, stages_of
from rlexp.curriculum.teachers.staging.stage_progress import DEMOTE, PROMOTE, StageProgress
from rlexp.curriculum.teachers.staging.stage_rules import WINDOW
from rlexp.environment.tasks.directive import Directive, Mixed
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, measured
from rlexp.environment.tasks.sampler import Sampled
from rlexp.environment.tasks.space import TaskSpace

MOST_EVENTS = 200
"""Events that are remembered; the oldest are forgotten."""


class Stages:
    """Draws from the open stages, until each is mastered.

    A stage opens when all that it comes `after` are mastered: the one before it, where no stage has an `after`. Of
    several open ones each is as likely as the others. A stage is mastered when its `promote` rule is met; when all
    are, those that nothing comes after stay open. A rule is looked at once an iteration. Means are over the last
    `window` episodes of the present visit of the stage: an episode counts only if it was drawn by this visit, so that
    neither episodes that began before a switch nor rehearsals count, and a visit begins with none. A score that
    is NaN does not count.

    A promotion rule is `{threshold, measure, window, min_episodes, patience}`: the mean `measure` (score, success,
    return or length; score is `curriculum.measure`) is `threshold` or more for `patience` checks in a row, after
    `min_episodes` episodes. Or it is a condition (`success>=0.7 & episodes>=200`, see
    `staging.condition`), alone or as `when` in place of the first two. In a condition means and
    metrics count as unknown before `min_episodes`, which is at most the number that it asks of `episodes`.

    A demotion rule is `{margin, window, min_episodes, patience}`: the mean lies below the threshold of the stage
    before by more than `margin`. Or it is a condition. When it is met, the stages right before are open again. So
    that a stage that is beyond the agent is not entered and left forever, `patience` doubles with each demotion
    from it.

    Args:
        space: the tasks.
        seed: not used: env runners draw.
        stages: a list of {name, task, after, promote, demote}. `task` has a value or sampler for each parameter,
            see `rlexp.environment.tasks.sampler`; those left out are uniform. `after` names stages. `promote` overrides
            keys of the general rule; None: the stage is never mastered. `demote` likewise; None: never.
        promote: general rule; None: threshold 0.8, window 100, min_episodes 100, patience 1.
        demote: general rule; None: never; `{}`: margin 0.2, window 100, min_episodes 100, patience 3.
        rehearsal: probability of a draw from mastered stages that are closed, each as likely as the others.
        measure: what the score is, `curriculum.measure`, so that rules that it can never meet are refused.

    Attributes:
        events: what happened: `env_steps`, `what` (promoted, demoted, complete), `from` and `to`, names of stages,
            several joined by a comma; saved with the state, the latest 200.
        new_events: those of the last update, a few words each.

    Raises:
        ConfigError: an argument does not fit.
        RunFailedError: by `update`: a rule reads success, and the environment does not report it.
    """

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        stages: Sequence[Mapping[str, Any]],
        promote: str | Mapping[str, Any] | None = None,
        demote: str | Mapping[str, Any] | None = None,
        rehearsal: float = 0.0,
        measure: str | None = None,
    ) -> None:
        self._space = space
        self._stages = stages_of(space, stages, promote, demote, measure)
        self._rehearsal = number("rehearsal", rehearsal, 0.1, 0.0, 0.99)
        self._mastered: set[int] = set()
        self._open: dict[int, StageProgress] = {}
        self._visits = 0
        self._demoted = [0] * len(self._stages)
        self._promotions, self._near = 0, 0.0
        self.events: list[dict[str, Any]] = []
        self.new_events: list[str] = []
        self._reopen(0)

    @property
    def complete(self) -> bool:
        """Whether every stage is mastered."""
        return len(self._mastered) == len(self._stages)

    def reads(self) -> list[str]:
        """Full names of the metrics that the rules read."""
        names = [n for stage in self._stages for rule in _rules(stage) for n in rule.condition.names()]
        return [name for name in dict.fromkeys(names) if name not in RANGES]

    def directive(self) -> Directive:
        """The open stages, tagged by their visits, and rehearsals without a tag."""
        earlier = sorted(self._mastered - self._open.keys())
        rehearsal = self._rehearsal if earlier else 0.0
        now = [(self._stage_directive(at, visit.number), 1.0 - rehearsal) for at, visit in self._open.items()]
        again = [(self._stage_directive(at, None), rehearsal) for at in earlier]
        parts = [(part, share / len(group)) for group in (now, again) for part, share in group if share > 0]
        return parts[0][0] if len(parts) == 1 else Mixed.of(*parts)

    def _stage_directive(self, at: int, tag: int | None) -> Sampled:
        return Sampled(self._space, self._stages[at].samplers, tag)

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Counts the episodes and checks the rules; returns whether other stages are open now."""
        self.new_events = []
        by_visit: dict[Any, list[Outcome]] = {visit.number: [] for visit in self._open.values()}
        for outcome in measured(outcomes):
            if isinstance(outcome.tag, int) and outcome.tag in by_visit:
                by_visit[outcome.tag].append(outcome)
        before, near = {visit.number for visit in self._open.values()}, []
        for at, visit in list(self._open.items()):
            fresh = by_visit[visit.number]
            visit.take(fresh)
            near.append(self._judge(at, visit, progress, bool(fresh)))
        self._near = float(np.mean(near))
        return {visit.number for visit in self._open.values()} != before

    def _judge(self, at: int, visit: StageProgress, progress: TrainingProgress, fresh: bool) -> float:
        """Masters a stage or goes back from it, if a rule is met; returns how near it had come to its promotion."""
        stage = self._stages[at]
        if visit is not self._open.get(at):  # An earlier one's demotion has closed it just now.
            return 0.0
        near = 1.0 if at in self._mastered else 0.0
        if stage.promote and not near:
            near = visit.progress(stage.promote, progress)
            if visit.check(PROMOTE, stage.promote, stage.promote.patience, progress, fresh):
                self._master(at, progress.env_steps)
                return 1.0
        if stage.demote:
            patience = stage.demote.patience * 2 ** self._demoted[at]
            if visit.check(DEMOTE, stage.demote, patience, progress, fresh):
                self._go_back(at, progress.env_steps)
        return near

    def _master(self, at: int, env_steps: int) -> None:
        self._mastered.add(at)
        self._promotions += 1
        opened = self._reopen(env_steps)
        name = self._stages[at].name
        if self.complete:
            self._record_event(env_steps, "complete", name, "", f"complete: {name} is mastered")
        else:
            to = ", ".join(opened)
            self._record_event(
                env_steps, "promoted", name, to, f"{name} is mastered" + (f", now {to}" if to else "")
            )

    def _go_back(self, at: int, env_steps: int) -> None:
        self._demoted[at] += 1
        self._mastered -= {at, *self._stages[at].after}
        to = ", ".join(self._reopen(env_steps))
        self._record_event(
            env_steps, "demoted", self._stages[at].name, to, f"back from {self._stages[at].name} to {to}"
        )

    def _reopen(self, env_steps: int) -> list[str]:
        """Opens and closes stages by what is mastered; returns the names of those that were opened."""
        wanted = [
            at
            for at, stage in enumerate(self._stages)
            if at not in self._mastered and self._mastered.issuperset(stage.after)
        ]
        if not wanted:
            inner = {before for stage in self._stages for before in stage.after}
            wanted = [at for at in range(len(self._stages)) if at not in inner]
        opened = [at for at in wanted if at not in self._open]
        for at in opened:
            self._visits += 1
            self._open[at] = StageProgress(self._visits, env_steps, self._window(at))
        self._open = {at: self._open[at] for at in wanted}
        return [self._stages[at].name for at in opened]

    def _window(self, at: int) -> int:
        return max((rule.window for rule in _rules(self._stages[at])), default=WINDOW)

    def _record_event(self, env_steps: int, kind: str, origin: str, to: str, words: str) -> None:
        event = {"env_steps": env_steps, "what": kind, "from": origin, "to": to}
        self.events = [*self.events, event][-MOST_EVENTS:]
        self.new_events.append(words)

    def metrics(self) -> dict[str, float]:
        """Metrics of where the teacher stands.

        `stage`: number of the first open stage, from 0; `stage_progress`: how near the open ones were to promotion
        before the last switch, from 0 to 1; `mean`: score over their windows, if any; `mastered`: stages.
        """
        rows = [visit.rows for visit in self._open.values() if len(visit.rows)]
        scores = [float(rows_of[:, MEANS.index("score")].mean()) for rows_of in rows]
        return {
            "stage": float(min(self._open)),
            "stage_progress": self._near,
            **({"mean": float(np.mean(scores))} if scores else {}),
            "promotions": float(self._promotions),
            "demotions": float(sum(self._demoted)),
            "mastered": float(len(self._mastered)),
        }

    def state_dict(self) -> dict[str, Any]:
        """What is mastered and open, the windows, and the events; stages by name."""
        names = [stage.name for stage in self._stages]
        return {
            "mastered": [names[at] for at in sorted(self._mastered)],
            "open": {names[at]: visit.state() for at, visit in self._open.items()},
            "visits": self._visits,
            "demoted": dict(zip(names, self._demoted, strict=True)),
            "promotions": self._promotions,
            "near": self._near,
            "events": [dict(event) for event in self.events],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on in those stages; stages that are new in the config join them.

        Raises:
            CheckpointError: a stage of the state is gone from the config.
        """
        place = {stage.name: at for at, stage in enumerate(self._stages)}
        gone = [name for name in state["demoted"] if name not in place]
        if gone:
            raise CheckpointError(f"the curriculum has no stage {', '.join(gone)}, which its saved state has")
        self._mastered = {place[name] for name in state["mastered"]}
        self._open = {
            place[name]: StageProgress.of(visit, self._window(place[name]))
            for name, visit in state["open"].items()
        }
        self._visits = int(state["visits"])
        self._demoted = [int(state["demoted"].get(stage.name, 0)) for stage in self._stages]
        self._promotions, self._near = int(state["promotions"]), float(state["near"])
        self.events, self.new_events = [dict(event) for event in state["events"]], []
        self._reopen(self.events[-1]["env_steps"] if self.events else 0)


def _rules(stage: Stage) -> list[Any]:
    return [rule for rule in (stage.promote, stage.demote) if rule is not None]
