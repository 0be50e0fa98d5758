"""Where modules went whose names are written in what people keep: configs, checkpoints' pickles, labs' own imports.

`MOVED` and `RENAMED` are the one table. Imports of an old name give the module under its new one (`MovedModules`), and
whoever reads an import path from a config asks for `current_name` first, so that what may be named is judged by where
it is.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

MOVED: dict[str, str] = {
    "rlexp.base.metric_names": "rlexp.base.headline_metrics",
    "rlexp.base.metric_table": "rlexp.base.headline_metrics",
    "rlexp.base.observations": "rlexp.policy",
    "rlexp.curriculum.collecting": "rlexp.engine.callbacks.task_outcomes",
    "rlexp.curriculum.connector": "rlexp.engine.curriculum_connector",
    "rlexp.curriculum.cycle": "rlexp.environment.tasks.directive",
    "rlexp.curriculum.dimension": "rlexp.environment.tasks.dimension",
    "rlexp.curriculum.directive": "rlexp.environment.tasks.directive",
    "rlexp.curriculum.handing": "rlexp.engine.env_task_dispatcher",
    "rlexp.curriculum.measure": "rlexp.environment.tasks.episode_measure",
    "rlexp.curriculum.outcome": "rlexp.environment.tasks.outcome",
    "rlexp.curriculum.payload": "rlexp.environment.tasks.payload",
    "rlexp.curriculum.publishing": "rlexp.engine.curriculum_connector",
    "rlexp.curriculum.sampler": "rlexp.environment.tasks.sampler",
    "rlexp.curriculum.space": "rlexp.environment.tasks.space",
    "rlexp.curriculum.task": "rlexp.environment.tasks.task",
    "rlexp.curriculum.teachers.gaussian": "rlexp.curriculum.teachers.parts.gaussian",
    "rlexp.curriculum.teachers.mutation": "rlexp.curriculum.teachers.parts.mutation",
    "rlexp.curriculum.teachers.numbered": "rlexp.curriculum.teachers.parts.indexed_tasks",
    "rlexp.curriculum.teachers.unit_box": "rlexp.curriculum.teachers.parts.unit_box",
    "rlexp.engine.acting.encoded_acting": "rlexp.engine.acting.numpy_actors",
    "rlexp.engine.acting.mlp": "rlexp.engine.acting.dense_layers",
    "rlexp.engine.applies": "rlexp.engine.fast_path_refusals",
    "rlexp.engine.callbacks.bookkeeping": "rlexp.engine.callbacks.corrected_metrics",
    "rlexp.engine.callbacks.episodes": "rlexp.engine.callbacks.episode_pieces",
    "rlexp.engine.callbacks.failures": "rlexp.engine.callbacks.failure_counter",
    "rlexp.engine.fast_path_parts": "rlexp.engine.fast_path_refusals",
    "rlexp.engine.handing": "rlexp.engine.env_task_dispatcher",
    "rlexp.engine.install": "rlexp.engine.install_fast_path",
    "rlexp.engine.kinds": "rlexp.engine.fast_path_refusals",
    "rlexp.engine.learning.appo_learner": "rlexp.engine.learning.appo",
    "rlexp.engine.learning.appo_policy_change": "rlexp.engine.learning.appo",
    "rlexp.engine.learning.impala_appo": "rlexp.engine.learning.impala",
    "rlexp.engine.learning.minibatches": "rlexp.engine.learning.on_policy",
    "rlexp.engine.learning.row_values": "rlexp.engine.learning.ppo",
    "rlexp.engine.learning.target_networks": "rlexp.engine.learning.off_policy",
    "rlexp.engine.learning.targets": "rlexp.engine.learning.off_policy",
    "rlexp.engine.learning.trajectories": "rlexp.engine.learning.vtrace",
    "rlexp.engine.learning.vtrace_learner": "rlexp.engine.learning.vtrace_learners",
    "rlexp.engine.networks": "rlexp.engine.network_functions",
    "rlexp.engine.payload_publisher": "rlexp.engine.curriculum_connector",
    "rlexp.engine.publishing": "rlexp.engine.curriculum_connector",
    "rlexp.engine.replay.batch": "rlexp.engine.replay.replay_batch",
    "rlexp.engine.replay.step_ring": "rlexp.engine.replay.ring_buffer",
    "rlexp.engine.runners.guarded": "rlexp.engine.runners.guarded_runner",
    "rlexp.engine.runners.multi_agent_runner": "rlexp.engine.runners.runner_class",
    "rlexp.engine.runners.tasked_runner": "rlexp.engine.runners.runner_base",
    "rlexp.engine.sampling.env_runner": "rlexp.engine.runners.fast_runner",
    "rlexp.engine.sampling.episode_tasks": "rlexp.engine.sampling.steps",
    "rlexp.engine.sampling.rollout": "rlexp.engine.rollout",
    "rlexp.engine.sampling.stepping": "rlexp.engine.sampling.vector_stepper",
    "rlexp.engine.shared_weights": "rlexp.engine.algorithms.shared_weights",
    "rlexp.engine.sharing": "rlexp.engine.algorithms.shared_weights",
    "rlexp.engine.task_dispatcher": "rlexp.engine.env_task_dispatcher",
    "rlexp.environment.by_value": "rlexp.environment.pickled_by_value",
    "rlexp.environment.env_probe": "rlexp.environment.probe",
    "rlexp.environment.errors": "rlexp.environment.env_errors",
    "rlexp.environment.failures": "rlexp.engine.callbacks.failure_counter",
    "rlexp.environment.fatal": "rlexp.engine.runners.fatal_errors",
    "rlexp.environment.guards.finite": "rlexp.environment.guards.box_checks",
    "rlexp.environment.guards.replaceable": "rlexp.environment.guards.replaceable_env",
    "rlexp.environment.hangs.cutting": "rlexp.environment.hangs.interrupt_sampling",
    "rlexp.environment.hangs.hang": "rlexp.environment.hangs.hang_watch",
    "rlexp.environment.hangs.watchdog": "rlexp.environment.hangs.watch_thread",
    "rlexp.environment.multi_agent_runner": "rlexp.engine.runners.runner_class",
    "rlexp.environment.native": "rlexp.environment.native_vector",
    "rlexp.environment.paths": "rlexp.environment.lab_paths",
    "rlexp.environment.runner": "rlexp.engine.runners.guarded_runner",
    "rlexp.environment.single_view": "rlexp.environment.vector_as_single",
    "rlexp.environment.tasked_runner": "rlexp.engine.runners.runner_base",
    "rlexp.environment.tasks.applying": "rlexp.environment.tasks.apply_task",
    "rlexp.environment.tasks.task_wrapper": "rlexp.environment.tasks.task_env",
    "rlexp.environment.tasks.vector": "rlexp.environment.tasks.vector_task_env",
    "rlexp.environment.tasks.wrap": "rlexp.environment.tasks.wrap_with_tasks",
    "rlexp.errors": "rlexp.base.errors",
    "rlexp.fast": "rlexp.engine",
    "rlexp.fast.appo_learner": "rlexp.engine.learning.appo",
    "rlexp.fast.appo_policy_change": "rlexp.engine.learning.appo",
    "rlexp.fast.async_step": "rlexp.engine.algorithms.async_step",
    "rlexp.fast.dqn_learner": "rlexp.engine.learning.dqn",
    "rlexp.fast.env_runner": "rlexp.engine.runners.fast_runner",
    "rlexp.fast.impala_learner": "rlexp.engine.learning.impala",
    "rlexp.fast.off_policy": "rlexp.engine.algorithms.off_policy_step",
    "rlexp.fast.policy_change": "rlexp.engine.learning.policy_change",
    "rlexp.fast.ppo_learner": "rlexp.engine.learning.ppo",
    "rlexp.fast.sac_learner": "rlexp.engine.learning.sac",
    "rlexp.metrics.bookkeeping": "rlexp.engine.callbacks.corrected_metrics",
    "rlexp.metrics.catalogue": "rlexp.metrics.known_metrics",
    "rlexp.metrics.episode_metrics": "rlexp.engine.callbacks.episode_metrics",
    "rlexp.metrics.headline": "rlexp.metrics.result_to_record",
    "rlexp.metrics.metric_table": "rlexp.base.headline_metrics",
    "rlexp.metrics.names": "rlexp.base.headline_metrics",
    "rlexp.models.conv": "rlexp.models.conv_filters",
    "rlexp.models.defaults": "rlexp.models.module_spec",
    "rlexp.models.effects": "rlexp.models.model_settings",
    "rlexp.models.family": "rlexp.config.algorithms",
    "rlexp.models.filter_setup": "rlexp.models.observation_filter",
    "rlexp.models.filtering": "rlexp.models.observation_filter",
    "rlexp.models.fit": "rlexp.models.observation_fit",
    "rlexp.models.plain_critics": "rlexp.models.mlp_critics",
    "rlexp.models.preprocess": "rlexp.models.observation_connectors",
    "rlexp.models.spec": "rlexp.models.module_spec",
    "rlexp.run.bookkeeping.masking": "rlexp.run.bookkeeping.checkpoint_secrets",
    "rlexp.run.bounded_replay": "rlexp.run.building.rllib_fixes",
    "rlexp.run.building.bounded_replay": "rlexp.run.building.rllib_fixes",
    "rlexp.run.building.plain_prelearner": "rlexp.run.building.prelearner_without_pickle",
    "rlexp.run.callback": "rlexp.engine.run_callback",
    "rlexp.run.callback_hooks": "rlexp.run.building.old_callback_hooks",
    "rlexp.run.masking": "rlexp.run.bookkeeping.checkpoint_secrets",
    "rlexp.run.plain_prelearner": "rlexp.run.building.prelearner_without_pickle",
}
"""Old module or package -> new one."""

RENAMED: dict[str, dict[str, str]] = {
    "rlexp.hardware.machine.machine": {"look": "inspect_machine"},
    "rlexp.curriculum.teachers.ladder": {"Levels": "EnvLevels"},
    "rlexp.curriculum.teachers.learnability": {"Levels": "CandidateLevels"},
    "rlexp.curriculum.teachers.parts.indexed_tasks": {"Chosen": "TaskDistribution"},
    "rlexp.curriculum.teachers.parts.mutation": {"Step": "ParameterStep"},
    "rlexp.curriculum.teachers.parts.task_bandit": {"Bandit": "TaskBandit"},
    "rlexp.environment.tasks.outcome": {"Progress": "TrainingProgress"},
    "rlexp.environment.tasks.sampler": {"Gaussian": "BoundedGaussian"},
    "rlexp.run.building.rllib_fixes": {"bound": "bound_replay"},
}
"""Module by its new name -> old names of its classes and functions -> new ones."""


def current_name(path: str) -> str:
    """The import path by today's names; one that never moved is returned as it is."""
    words = path.split(".")
    for end in range(len(words), 1, -1):
        module = ".".join(words[:end])
        new = MOVED.get(module, module)
        if module in MOVED or module in RENAMED:
            rest = [RENAMED.get(new, {}).get(word, word) for word in words[end : end + 1]]
            return ".".join([new, *rest, *words[end + 1 :]])
    return path


class MovedModules:
    """Imports a module under its old name as the very module that has the new one, and renamed classes likewise.

    A finder and a loader by its methods; the base classes in `importlib.abc` would take longer to import than all this.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for names in the tables alone."""
        if fullname in RENAMED:
            return _answering_old_names(PathFinder.find_spec(fullname, path, target), RENAMED[fullname])
        return ModuleSpec(fullname, self) if fullname in MOVED else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module under its new name; importing it runs it at most once."""
        module = importlib.import_module(MOVED[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it has run. `importlib` has just given it the old name's spec, which would break reloading."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def _answering_old_names(spec: ModuleSpec | None, renamed: Mapping[str, str]) -> ModuleSpec | None:
    """The spec of a module that finds its attributes under their old names, too, once it has run."""
    if spec is None or spec.loader is None:
        return spec
    run = spec.loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)

        def attribute(name: str) -> Any:
            if name not in renamed:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            return getattr(module, renamed[name])

        module.__getattr__ = attribute  # type: ignore[method-assign]

    spec.loader.exec_module = exec_module  # type: ignore[method-assign]
    return spec


def renamed_fields(**new_by_old: str) -> Callable[[type[T]], type[T]]:
    """A decorator of classes: pickles in which fields have their old names restore them under the new ones."""

    def decorated(cls: type[T]) -> type[T]:
        def restore(self: T, state: dict[str, Any]) -> None:
            vars(self).update({new_by_old.get(name, name): value for name, value in state.items()})

        cls.__setstate__ = restore  # type: ignore[attr-defined]
        return cls

    return decorated


def install() -> None:
    """Makes old names importable in this process."""
    if not any(isinstance(finder, MovedModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, MovedModules())
