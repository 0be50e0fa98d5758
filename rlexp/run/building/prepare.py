"""The last look before training, with RLlib at hand: hardware chosen, environment made once, everything fitted.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.compat import caller_frames, rllib_without_ray
from rlexp.config.algorithms import class_name, kind_of
from rlexp.config.callables.targets import build as build_target
from rlexp.config.callables.targets import check as check_target
from rlexp.config.callables.targets import locate
from rlexp.config.keys.replay_settings import KEY
from rlexp.config.schema import RunConfig
from rlexp.config.trust.replay_buffers import check_types
from rlexp.curriculum.build import check_curriculum
from rlexp.curriculum.metric_checks import check_reads, teacher_metric_names
from rlexp.engine.callbacks.failure_counter import forget_warnings, warn_once
from rlexp.engine.install_fast_path import install
from rlexp.engine.runners.fast_runner import FastEnvRunner
from rlexp.environment.env_errors import VECTOR_ENTRY_POINT
from rlexp.environment.native_vector import native_form
from rlexp.environment.probe import EnvProbe
from rlexp.environment.tasks.space import space_of
from rlexp.hardware.auto import Chosen, choose, room_for_runners
from rlexp.hardware.demand import check_fits, check_fits_cluster
from rlexp.hardware.machine.limits import is_shared
from rlexp.hardware.machine.machine import Machine, inspect_machine
from rlexp.hardware.ray_session import session
from rlexp.hardware.threads import apply_threads, torch_threads
from rlexp.metrics.known_metrics import KnownMetrics, known_metrics
from rlexp.run.building.algorithm_config import build
from rlexp.run.building.auto_measured import ENVS, MODE, RUNNERS, SLOWEST_S, measured
from rlexp.run.building.env_check import fitted
from rlexp.run.building.multi_agent import SYNC
from rlexp.run.building.old_callback_hooks import check_hooks
from rlexp.run.building.teacher_fit import check_teacher_fits
from rlexp.run.checks import metrics_read

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


_ENV_HOOKS = (
    *(
        "on_environment_created",
        "on_episode_created",
        "on_episode_start",
        "on_episode_step",
        "on_episode_end",
    ),
    "on_sample_end",
)
"""RLlib's hooks that are handed an environment or its runner."""


@dataclass(frozen=True)
class Prepared:
    """A run that fits together.

    Attributes:
        config: with everything chosen that was left to choose.
        algorithm_config: RLlib's, validated.
        notes: why the hardware was chosen so, a sentence each.
        chosen: what was chosen, as overrides that would choose it again.
        needs_ray: whether the run needs Ray's processes.
    """

    config: RunConfig
    algorithm_config: AlgorithmConfig
    notes: list[str]
    chosen: list[str]
    needs_ray: bool


def prepare(config: RunConfig, log: Path | None = None) -> Prepared:
    """Checks what needs RLlib or the environment, chooses the hardware, and builds RLlib's config.

    A cluster that `hardware.address` names is joined for it; its processes' output goes to `log`.

    Raises:
        ConfigError: the parts do not fit.
    """
    rllib_without_ray.install()
    caller_frames.install()
    session.apply_environment(config)
    forget_warnings()
    env = fitted(config)
    for text in env.notices:
        warn_once(text)
    check_callables(config)
    asked = config
    config, notes, chosen = choose_hardware(config, env, log)
    apply_threads(torch_threads(config, inspect_machine()))
    spaces = env.observation_space, env.action_space
    algorithm = build(config, spaces, agents=bool(env.agents))
    fast_path_note = install(algorithm, config.fast, spaces, config.hardware.kernels)
    check_teacher_fits(config, algorithm, spaces)
    found = _measured(asked, config, algorithm, env, chosen)
    if found:
        config, notes, chosen = choose_hardware(asked, env, log, found)
        apply_threads(torch_threads(config, inspect_machine()))
        algorithm.env_runners(**{key: chosen[key] for key in found})
    needed = session.needs_ray(config, algorithm.algo_class)
    return Prepared(
        config,
        algorithm,
        [*notes, fast_path_note],
        [f"{key}={value}" for key, value in chosen.items()],
        needed,
    )


def _measured(
    asked: RunConfig, config: RunConfig, built: AlgorithmConfig, env: EnvProbe, chosen: dict[str, Any]
) -> dict[str, Chosen]:
    """What measuring says of the keys that rules have chosen; nothing where it cannot be measured."""
    kind = kind_of(config.algorithm.config_class, config.trusted)
    open_keys = {key: chosen[key] for key in (RUNNERS, ENVS, MODE) if key in chosen}
    if open_keys.get(MODE) == VECTOR_ENTRY_POINT:
        del open_keys[MODE]
    # Trials that are compared must be alike: no measurement, which differs from time to time, chooses for them.
    if (
        is_shared()
        or not open_keys
        or not issubclass(built.env_runner_cls, FastEnvRunner)
        or built.num_gpus_per_learner
    ):
        return {}
    if RUNNERS not in open_keys and built.num_env_runners:
        return {}
    if env.step_seconds is None or env.step_seconds > SLOWEST_S:
        return {}
    machine = _machine(asked)
    room = room_for_runners(config.hardware, machine, config.evaluation.settings)
    try:
        return measured(built, open_keys, kind, env.step_seconds, room, machine.cores)
    except (RunFailedError, RuntimeError):
        return {}  # The environment failed too often; training will say how.


def _native(config: RunConfig, env: EnvProbe) -> dict[str, Chosen]:
    """The environment's own vector form, where it is the very same environment: then it is only quicker."""
    if env.agents:
        return {MODE: (SYNC, "RLlib steps environments with several agents in no other way")}
    if config.env.wrappers or config.curriculum.teacher is not None or _looks_into_environments(config):
        return {}
    form = native_form(config.env, config.trusted)
    return {MODE: (VECTOR_ENTRY_POINT, f"{form} steps all environments at once")} if form else {}


def _looks_into_environments(config: RunConfig) -> bool:
    """Whether a callback may count on single environments."""
    classes = [locate(spec["_target_"], config.trusted) for spec in config.callbacks.values()]
    return any(
        not getattr(cls, "ANY_VECTOR_ENV", False)
        and getattr(cls, hook, None) is not getattr(RLlibCallback, hook)
        for cls in classes
        for hook in _ENV_HOOKS
    )


def start_processes(run: Prepared, log: Path | None) -> None:
    """Starts or joins Ray where the run needs it; its processes' output goes to `log`."""
    if run.needs_ray:
        session.start(run.config, log)


def check_callables(config: RunConfig) -> None:
    """Everything named by import path exists, takes its arguments, and logs the metrics that settings read."""
    for spec in (*config.tracking.values(), config.exploration):
        check_target(spec, config.trusted)
    for name, spec in config.callbacks.items():
        # RLlib makes one of its own in every process, with the run's folder in place by then.
        check_hooks(f"callbacks.{name}", built(f"callbacks.{name}", spec, config.trusted))
    if config.stop.function is not None:
        check_target(config.stop.function, config.trusted, positional=1, key="stop.function")
    check_types(config.algorithm.settings.get(KEY.partition(".")[2]), KEY, config.trusted)
    known = all_metrics(config)
    for name, key in metrics_read(config).items():
        known.check(name, key)


def built(key: str, spec: Mapping[str, Any], trusted: Sequence[str]) -> Any:
    """A callback or tracker with its arguments.

    Raises:
        ConfigError: it does not take them, whatever its own words are.
    """
    try:
        return build_target(spec, trusted)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key}: {error}", key=key, fix=f"{key}.<argument>=<another value>") from error


def all_metrics(config: RunConfig) -> KnownMetrics:
    """The names that a run will log, those of its callbacks and its teacher among them.

    Raises:
        ConfigError: there is no such teacher, or it reads a metric that is not logged.
    """
    declared: list[str] = []
    for spec in config.callbacks.values():
        declared += getattr(locate(spec["_target_"], config.trusted), "METRICS", ())
    teacher = check_curriculum(config.curriculum, config.trusted)
    if teacher is not None:
        check_reads(config.curriculum, teacher, space_of(config.curriculum), known_metrics(config, declared))
        declared += teacher_metric_names(teacher)
    return known_metrics(config, declared)


def choose_hardware(
    config: RunConfig, env: EnvProbe, log: Path | None = None, found: Mapping[str, Chosen] | None = None
) -> tuple[RunConfig, list[str], dict[str, Any]]:
    """`hardware=auto` made definite and checked; with the reasons, and the values chosen.

    What a cluster has is known once it is joined, which is done here: `auto` chooses from what it has free, and a
    run that asks for more than it has in all is refused. `found` goes before the rules, see `choose`.
    """
    local = config.hardware.address == "local"
    if not local:
        session.start(config, log)
    machine = _machine(config)
    chosen: dict[str, Any] = {}
    notes: list[str] = []
    if config.hardware.auto:
        chosen, notes = choose(
            config.hardware,
            machine,
            env.step_seconds,
            class_name(config.algorithm.config_class, config.trusted),
            {**_native(config, env), **(found or {})},
            evaluation=config.evaluation.settings,
        )
        config = dataclasses.replace(config, hardware=_with_settings(config.hardware, chosen))
    if local:
        check_fits(config, machine)
    else:
        check_fits_cluster(config, session.resources())
    return config, notes, chosen


def _machine(config: RunConfig) -> Machine:
    """This machine, or the cluster that has been joined, as one; for a trial of a sweep, what is booked for it."""
    if is_shared():
        return inspect_machine()
    return inspect_machine() if config.hardware.address == "local" else session.joined(inspect_machine())


def _with_settings(hardware: Any, chosen: dict[str, Any]) -> Any:
    own = {f.name for f in dataclasses.fields(hardware)}
    fields = {k: v for k, v in chosen.items() if k in own}
    settings = {**hardware.settings, **{k: v for k, v in chosen.items() if k not in own}}
    return dataclasses.replace(hardware, **fields, settings=settings, auto=False)
