"""The algorithms that have a fast path, and what it is made of: a row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

MEASURED = {
    "ray.rllib.algorithms.ppo.torch.ppo_torch_learner.PPOTorchLearner": (
        "rlexp.engine.learning.policy_change.MeasuredPPOTorchLearner"
    ),
    "ray.rllib.algorithms.appo.torch.appo_torch_learner.APPOTorchLearner": (
        "rlexp.engine.learning.appo_policy_change.MeasuredAPPOTorchLearner"
    ),
}
"""What learns on RLlib's own path in place of a learner of RLlib's: the same, and it logs how far the policy moved."""


@dataclass(frozen=True)
class FastKind:
    """The fast parts of one algorithm, by import path, since they import RLlib.

    Attributes:
        learner: the learner class.
        algorithm: the `Algorithm` class; None keeps RLlib's.
        judges_episodes: whether the learner tells signals of whole episodes, and leaves out those that must not be
            learnt from (see `rlexp.curriculum.teacher.Teacher`).
        why_not: settings of the algorithm that only RLlib's own path knows; a reason or None.
    """

    learner: str
    algorithm: str | None = None
    judges_episodes: bool = False
    why_not: Callable[[AlgorithmConfig], str | None] = lambda config: None


def _replay_why_not(config: Any) -> str | None:
    kind = config.replay_buffer_config.get("type", "EpisodeReplayBuffer")
    name = kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__
    if name not in ("EpisodeReplayBuffer", "PrioritizedEpisodeReplayBuffer"):
        return f"the replay buffer {name} has no columnar form"
    if config.get_rl_module_spec().model_config and config.model_config.get("use_lstm"):
        return "recurrent modules are replayed as sequences by RLlib's own buffer"
    return None


def _async_why_not(config: Any) -> str | None:
    refused = {
        "aggregator actors make batches of episodes": config.num_aggregator_actors_per_learner > 0,
        "only a part of RLlib's training step is wanted (debugging switches)": config._env_runners_only
        or config._skip_learners,
    }
    return next((reason for reason, holds in refused.items() if holds), None)


FAST = {
    "PPOConfig": FastKind("rlexp.engine.learning.ppo.FastPPOTorchLearner", judges_episodes=True),
    "DQNConfig": FastKind(
        "rlexp.engine.learning.dqn.FastDQNTorchLearner",
        "rlexp.engine.algorithms.off_policy_step.FastDQN",
        why_not=_replay_why_not,
    ),
    "SACConfig": FastKind(
        "rlexp.engine.learning.sac.FastSACTorchLearner",
        "rlexp.engine.algorithms.off_policy_step.FastSAC",
        why_not=_replay_why_not,
    ),
    "IMPALAConfig": FastKind(
        "rlexp.engine.learning.impala_appo.FastIMPALATorchLearner",
        "rlexp.engine.algorithms.async_step.FastIMPALA",
        why_not=_async_why_not,
    ),
    "APPOConfig": FastKind(
        "rlexp.engine.learning.appo_learner.FastAPPOTorchLearner",
        "rlexp.engine.algorithms.async_step.FastAPPO",
        why_not=_async_why_not,
    ),
}
