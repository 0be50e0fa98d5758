"""Whether a run's environment can be made and suits its algorithm and model; found without RLlib."""

from __future__ import annotations

from rlexp.config.schema import RunConfig
from rlexp.environment.action_spaces import check_action_space
from rlexp.environment.probe import EnvProbe, probe
from rlexp.models.module_spec import check_fit


def fitted(config: RunConfig) -> EnvProbe:
    """Makes the environment once, tries it, and holds it against the rest.

    Raises:
        ConfigError: it cannot be made or always fails, or algorithm or model cannot take its spaces.
    """
    env = probe(config.env, config.trusted, config.curriculum)
    if env.agents:
        from rlexp.run.building.multi_agent import check_agents

        check_agents(config, env)
    check_action_space(config.algorithm.config_class, env.action_space, config.trusted)
    algorithm = config.algorithm.config_class
    check_fit(config.model, env.observation_space, algorithm, env.action_space, trusted=config.trusted)
    return env
