"""A policy that several agents share, as the policy of any one of them. It imports RLlib."""

from __future__ import annotations

from typing import Any

from ray.rllib.connectors.common import AgentToModuleMapping, BatchIndividualItems
from ray.rllib.connectors.connector_pipeline_v2 import ConnectorPipelineV2
from ray.rllib.connectors.module_to_env import ModuleToAgentUnmapping

_BETWEEN_AGENTS = (AgentToModuleMapping, ModuleToAgentUnmapping)


def for_one_agent(env_to_module: Any, module_to_env: Any) -> tuple[Any, Any]:
    """Pipelines that take the episodes of one agent, made of those of a run with several.

    Args:
        env_to_module: restored; one of a single agent's run stays as it is.
        module_to_env: likewise.
    """
    if not any(isinstance(piece, AgentToModuleMapping) for piece in env_to_module.connectors):
        return env_to_module, module_to_env
    # One policy acts for all, so that all agents' spaces are those of the first.
    observations = next(iter(env_to_module.input_observation_space.spaces.values()))
    actions = next(iter(env_to_module.input_action_space.spaces.values()))
    return _of_one(env_to_module, observations, actions), _of_one(module_to_env, observations, actions)


def _of_one(pipeline: ConnectorPipelineV2, observations: Any, actions: Any) -> ConnectorPipelineV2:
    pieces = [piece for piece in pipeline.connectors if not isinstance(piece, _BETWEEN_AGENTS)]
    for piece in pieces:
        if isinstance(piece, BatchIndividualItems):
            piece._multi_agent = False
    return type(pipeline)(input_observation_space=observations, input_action_space=actions, connectors=pieces)
