"""The scheduler of a sweep that runs, or goes on: with what its trials have reported before.

Imported only once a sweep runs: it imports Ray Tune.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray.tune.schedulers import TrialScheduler

from rlexp.base.dotted import at
from rlexp.config import saved_config
from rlexp.config.convert import to_plain
from rlexp.config.schema import RunConfig
from rlexp.storage.runs.trial_status import history
from rlexp.sweep.execution.monitor import Course
from rlexp.sweep.schedulers import choices
from rlexp.sweep.schedulers.grouped import Together
from rlexp.sweep.schedulers.population import Pb2, Pbt
from rlexp.sweep.schedulers.score_only import scored
from rlexp.sweep.settings import SweepChoice

LOOK_S = 10.0
"""Seconds between two looks at what a trial on another machine has told."""
SEEN = "population.json"
"""In the sweep's folder: what PB2 has seen."""


@dataclass
class Scheduling:
    """What Tune needs of it.

    Attributes:
        scheduler: Ray Tune's; None for none.
        keys: those whose values it changes in trials that run.
        course: the sweep's.
        compare_at: env steps at which trials need a score, rising.
    """

    scheduler: TrialScheduler | None
    keys: list[str]
    course: Course
    compare_at: Sequence[int] = ()

    @classmethod
    def of(
        cls,
        course: Course,
        todo: Sequence[str],
        first: RunConfig,
        settings: SweepChoice,
    ) -> Scheduling:
        """For the trials `todo` and those to come, which are like `first`.

        Raises:
            ConfigError: the trials' budgets differ.
        """
        chosen = choices.chosen(settings.scheduler)
        if chosen is None:
            return cls(None, [], course)
        folder, space = course.folder, course.folder.space()
        configs = [course.trials[name].config for name in todo] or [first]
        budget = choices.check_budget(chosen, [config.stop.env_steps for config in configs])
        assert budget is not None
        before = {}
        if chosen.replays:
            before = {name: history(folder.run(name), course.metric) for name in course.trials}
        scheduler = chosen.build(settings.mode, budget, space)
        if isinstance(chosen, Pb2):
            scheduler.remember(folder.path / SEEN)
        milestones = chosen.milestones(budget)
        if settings.seeds > 1:
            scheduler = Together(scheduler, course.groups, milestones)
        made = scored(
            scheduler,
            before,
            [name for name in before if name not in set(todo)],
            getattr(chosen, "units", 1) / budget,
            milestones if isinstance(chosen, (Pbt, Pb2)) else (),
        )
        return cls(made, choices.perturbed(chosen, space), course, milestones)

    def values(self, name: str) -> dict[str, Any]:
        """The trial's values of `keys`, as they are now."""
        self.course.folder.look(name, after_s=LOOK_S)
        run = self.course.folder.run(name)
        if run is not None and run.config.is_file():
            plain = saved_config.read(run.config)
        else:
            plain = to_plain(self.course.trials[name].config)
        return {key: at(plain, key) for key in self.keys}
