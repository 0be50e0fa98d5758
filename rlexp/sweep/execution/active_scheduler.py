"""The scheduler of a sweep that runs or is resumed, with what its trials have reported before."""

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
from rlexp.sweep.execution.monitor import SweepMonitor
from rlexp.sweep.schedulers import scheduler_choices
from rlexp.sweep.schedulers.grouped import SeedGroupScheduler
from rlexp.sweep.schedulers.population import Pb2, Pbt
from rlexp.sweep.schedulers.score_only import with_scores_only
from rlexp.sweep.settings import SweepSettings

LOOK_S = 10.0
"""Seconds between two fetches of the records of a trial on another machine."""
SEEN = "population.json"
"""In the sweep's folder: what PB2 has seen."""


@dataclass
class ActiveScheduler:
    """The scheduler as Tune needs it, and the values that it changes.

    Attributes:
        scheduler: Ray Tune's; None for none.
        keys: those whose values it changes in trials that run.
        monitor: the sweep's.
        compare_at: env steps at which trials need a score, rising.
    """

    scheduler: TrialScheduler | None
    keys: list[str]
    monitor: SweepMonitor
    compare_at: Sequence[int] = ()

    @classmethod
    def of(
        cls,
        monitor: SweepMonitor,
        todo: Sequence[str],
        first: RunConfig,
        settings: SweepSettings,
    ) -> ActiveScheduler:
        """Makes it for the trials `todo` and those to come, which are like `first`.

        Raises:
            ConfigError: the trials' budgets differ.
        """
        scheduler_settings = scheduler_choices.scheduler_of(settings.scheduler)
        if scheduler_settings is None:
            return cls(None, [], monitor)
        folder, space = monitor.folder, monitor.folder.space()
        configs = [monitor.trials[name].config for name in todo] or [first]
        budget = scheduler_choices.check_budget(
            scheduler_settings, [config.stop.env_steps for config in configs]
        )
        assert budget is not None
        before = {}
        if scheduler_settings.replays:
            before = {name: history(folder.run(name), monitor.metric) for name in monitor.trials}
        scheduler = scheduler_settings.build(settings.mode, budget, space)
        if isinstance(scheduler_settings, Pb2):
            scheduler.remember(folder.path / SEEN)
        milestones = scheduler_settings.milestones(budget)
        if settings.seeds > 1:
            scheduler = SeedGroupScheduler(scheduler, monitor.groups, milestones)
        made = with_scores_only(
            scheduler,
            before,
            [name for name in before if name not in set(todo)],
            getattr(scheduler_settings, "units", 1) / budget,
            milestones if isinstance(scheduler_settings, (Pbt, Pb2)) else (),
        )
        return cls(made, scheduler_choices.perturbed(scheduler_settings, space), monitor, milestones)

    def values(self, name: str) -> dict[str, Any]:
        """The present values of `keys`, of one trial."""
        self.monitor.folder.fetch_trial(name, after_s=LOOK_S)
        run = self.monitor.folder.run(name)
        if run is not None and run.config.is_file():
            plain = saved_config.read(run.config)
        else:
            plain = to_plain(self.monitor.trials[name].config)
        return {key: at(plain, key) for key in self.keys}
