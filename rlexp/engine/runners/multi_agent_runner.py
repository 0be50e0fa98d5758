"""RLlib's multi-agent env runner, keeping fatal errors. Imported once training starts: it imports RLlib."""

from __future__ import annotations

from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner

from rlexp.engine.runners.runner_base import TaskedRunner


class GuardedMultiAgentEnvRunner(TaskedRunner, MultiAgentEnvRunner):
    """RLlib's, whose environments are all in its own process.

    A class of its own in a module of its own, so that other processes find it by name.
    """
