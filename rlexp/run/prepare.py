"""The last look before training, with RLlib at hand: hardware chosen, environment made once, everything fitted.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.config.schema import RunConfig
from rlexp.config.targets import check as check_target
from rlexp.config.targets import locate
from rlexp.environment.action_spaces import check_action_space
from rlexp.environment.probe import EnvProbe, probe
from rlexp.hardware import session
from rlexp.hardware.auto import choose
from rlexp.hardware.demand import check_fits
from rlexp.hardware.machine import look
from rlexp.hardware.threads import apply_threads, torch_threads
from rlexp.metrics.catalogue import known
from rlexp.models.spec import check_fit
from rlexp.run import rayless
from rlexp.run.build import build
from rlexp.run.stop import StopRules

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


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


def prepare(config: RunConfig) -> Prepared:
    """Checks what needs RLlib or the environment, chooses the hardware, and builds RLlib's config.

    Raises:
        ConfigError: the parts do not fit.
    """
    rayless.install()
    session.apply_environment(config)
    env = probe(config.env, config.trusted)
    check_action_space(config.algorithm.config_class, env.action_space)
    check_fit(config.model, env.observation_space, config.algorithm.config_class)
    check_callables(config)
    config, notes, chosen = choose_hardware(config, env)
    apply_threads(torch_threads(config, look()))
    return Prepared(config, build(config, (env.observation_space, env.action_space)), notes, chosen)


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
    read = StopRules(config.stop).metrics()
    if config.checkpoint.best_by:
        read[config.checkpoint.best_by] = "checkpoint.best_by"
    for name, key in read.items():
        catalogue.check(name, key)


def choose_hardware(config: RunConfig, env: EnvProbe) -> tuple[RunConfig, list[str], list[str]]:
    """`hardware=auto` made definite and checked against the machine; with the reasons, and the choices as overrides."""
    machine = look()
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
    if config.hardware.address == "local":
        check_fits(config, machine)
    return config, notes, [f"{key}={value}" for key, value in chosen.items()]


def _with_settings(hardware: Any, chosen: dict[str, Any]) -> Any:
    own = {f.name for f in dataclasses.fields(hardware)}
    fields = {k: v for k, v in chosen.items() if k in own}
    settings = {**hardware.settings, **{k: v for k, v in chosen.items() if k not in own}}
    return dataclasses.replace(hardware, **fields, settings=settings, auto=False)
