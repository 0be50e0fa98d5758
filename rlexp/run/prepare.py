"""The last look before training, with RLlib at hand: hardware chosen, environment made once, everything fitted.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.config.checks import metrics_read
from rlexp.config.schema import RunConfig
from rlexp.config.targets import check as check_target
from rlexp.config.targets import locate
from rlexp.environment.action_spaces import check_action_space
from rlexp.environment.probe import EnvProbe, probe
from rlexp.errors import RunFailedError
from rlexp.fast.install import install
from rlexp.fast.ppo_learner import FastPPOTorchLearner
from rlexp.fast.speed import measure_training
from rlexp.hardware import session
from rlexp.hardware.auto import choose
from rlexp.hardware.demand import check_fits, check_fits_cluster
from rlexp.hardware.machine import look
from rlexp.hardware.threads import apply_threads, torch_threads
from rlexp.metrics.catalogue import known
from rlexp.models.spec import check_fit
from rlexp.run import rayless
from rlexp.run.build import build

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


MEASURED_BELOW_S = 0.5e-3
"""Seconds a step of an environment up to which trying it in numbers takes well under a second."""


@dataclass(frozen=True)
class Prepared:
    """A run that fits together.

    Attributes:
        config: with everything chosen that was left to choose.
        algorithm_config: RLlib's, validated.
        notes: why the hardware was chosen so, a sentence each.
        chosen: what was chosen, as overrides that would choose it again.
    """

    config: RunConfig
    algorithm_config: AlgorithmConfig
    notes: list[str]
    chosen: list[str]


def prepare(config: RunConfig, log: Path | None = None) -> Prepared:
    """Checks what needs RLlib or the environment, chooses the hardware, and builds RLlib's config.

    A cluster that `hardware.address` names is joined for it; its processes' output goes to `log`.

    Raises:
        ConfigError: the parts do not fit.
    """
    rayless.install()
    session.apply_environment(config)
    env = probe(config.env, config.trusted)
    check_action_space(config.algorithm.config_class, env.action_space)
    check_fit(config.model, env.observation_space, config.algorithm.config_class)
    check_callables(config)
    config, notes, chosen = choose_hardware(config, env, log)
    apply_threads(torch_threads(config, look()))
    spaces = env.observation_space, env.action_space
    built = build(config, spaces)
    notes = [*notes, install(built, config.fast, spaces)]
    if "num_envs_per_env_runner" in chosen and _measurable(built, env):
        config, notes = _with_measured_envs(config, built, notes, chosen)
    return Prepared(config, built, notes, [f"{key}={value}" for key, value in chosen.items()])


def _with_measured_envs(
    config: RunConfig, built: AlgorithmConfig, notes: list[str], chosen: dict[str, Any]
) -> tuple[RunConfig, list[str]]:
    """The number of environments by measured training speed, put into all that holds it."""
    try:
        speed = measure_training(built)
    except (RunFailedError, RuntimeError):
        return config, notes  # The environment failed too often; training will say how.
    key = "num_envs_per_env_runner"
    chosen[key] = speed.best
    built.env_runners(num_envs_per_env_runner=speed.best)
    settings = {**config.hardware.settings, key: speed.best}
    config = dataclasses.replace(config, hardware=dataclasses.replace(config.hardware, settings=settings))
    return config, [*(n for n in notes if not n.startswith(key)), f"{key}={speed.best}: {speed}."]


def _measurable(built: AlgorithmConfig, env: EnvProbe) -> bool:
    """Whether training speed is a matter of environments in this process, and quickly measured."""
    here = built.num_env_runners == 0 and built.gym_env_vectorize_mode == "sync"
    here = here and not built.num_gpus_per_learner
    cheap = env.step_seconds is not None and env.step_seconds < MEASURED_BELOW_S
    return here and cheap and issubclass(built.learner_class, FastPPOTorchLearner)


def start_processes(config: RunConfig, log: Path | None) -> None:
    """Starts or joins Ray where the run needs it; its processes' output goes to `log`."""
    if session.needs_ray(config):
        session.start(config, log)


def check_callables(config: RunConfig) -> None:
    """Everything named by import path exists, takes its arguments, and logs the metrics that settings read."""
    for spec in (*config.callbacks.values(), *config.tracking.values(), config.exploration):
        check_target(spec, config.trusted)
    declared: list[str] = []
    for spec in config.callbacks.values():
        declared += getattr(locate(spec["_target_"], config.trusted), "METRICS", ())
    catalogue = known(config, declared)
    for name, key in metrics_read(config).items():
        catalogue.check(name, key)


def choose_hardware(
    config: RunConfig, env: EnvProbe, log: Path | None = None
) -> tuple[RunConfig, list[str], dict[str, Any]]:
    """`hardware=auto` made definite and checked; with the reasons, and the values chosen.

    What a cluster has is known once it is joined, which is done here: `auto` chooses from what it has free, and a
    run that asks for more than it has in all is refused.
    """
    machine, local = look(), config.hardware.address == "local"
    if not local:
        session.start(config, log)
        machine = session.joined(machine)
    chosen: dict[str, Any] = {}
    notes: list[str] = []
    if config.hardware.auto:
        chosen, notes = choose(
            config.hardware,
            machine,
            env.step_seconds,
            config.algorithm.config_class,
            {},
            evaluation=config.evaluation.settings,
        )
        config = dataclasses.replace(config, hardware=_with_settings(config.hardware, chosen))
    if local:
        check_fits(config, machine)
    else:
        check_fits_cluster(config, session.resources())
    return config, notes, chosen


def _with_settings(hardware: Any, chosen: dict[str, Any]) -> Any:
    own = {f.name for f in dataclasses.fields(hardware)}
    fields = {k: v for k, v in chosen.items() if k in own}
    settings = {**hardware.settings, **{k: v for k, v in chosen.items() if k not in own}}
    return dataclasses.replace(hardware, **fields, settings=settings, auto=False)
