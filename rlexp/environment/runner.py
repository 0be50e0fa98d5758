"""RLlib's single-agent env runner, keeping fatal errors. Imported once training starts: it imports RLlib."""

from __future__ import annotations

from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from rlexp.environment.fatal import FatalErrorKeeper


class GuardedEnvRunner(FatalErrorKeeper, SingleAgentEnvRunner):
    """A class of its own in a module of its own, so that other processes find it by name."""
