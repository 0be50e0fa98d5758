"""Answers to the classic `multiagent` dict and to keys of a replay buffer that are gone."""

from __future__ import annotations

from collections.abc import Mapping

from rlexp.config.classic.answer import LEAVE_OUT, Answer, Entry

_SHARED = (
    "one policy acts for all agents, and rlexp has no policies for some of them yet (README, Several agents)"
)

AGENT_GROUPS: Mapping[str, Entry] = {"multiagent": Answer(_SHARED), "multi_agent": Answer(_SHARED)}
"""Names of the dict itself; what stands in it is answered key by key."""

AGENTS: Mapping[str, Entry] = {
    "policies": Answer(_SHARED),
    "policy_map_capacity": Answer(_SHARED),
    "policy_map_cache": Answer(_SHARED),
    "policy_mapping_fn": Answer(_SHARED),
    "policies_to_train": Answer(f"{_SHARED}; it is trained"),
    "observation_fn": Answer(
        "rlexp has no function of all agents' observations yet; the environment can join them in what it returns",
        "env=gym env.id=<import path of a MultiAgentEnv that does it>",
    ),
    "replay_mode": Answer(
        "agents' steps are independent of each other; algorithms that sampled them jointly are gone"
    ),
    "count_steps_by": lambda value: Answer(
        "env_steps counts steps of the environment, always"
        if value == "env_steps"
        else "rlexp has no count by agents' steps yet: env_steps counts steps of the environment",
        LEAVE_OUT,
    ),
}

REPLAY: Mapping[str, Answer] = {
    "storage_unit": Answer("rlexp has no storage by sequences or episodes yet: capacity counts env steps"),
    "replay_sequence_length": Answer("single transitions are replayed; no off-policy network has a state"),
    "replay_burn_in": Answer("single transitions are replayed; no off-policy network has a state"),
    "replay_zero_init_states": Answer("single transitions are replayed; no off-policy network has a state"),
    "replay_mode": Answer("agents' steps are independent of each other"),
    "replay_batch_size": Answer(
        "the batch of an update says it", "algorithm.train_batch_size_per_learner=<steps>"
    ),
    "learning_starts": Answer(
        "it is the algorithm's", "algorithm.num_steps_sampled_before_learning_starts=<env steps>"
    ),
    "prioritized_replay": Answer(
        "the type says it", "algorithm.replay_buffer_config.type=PrioritizedEpisodeReplayBuffer"
    ),
    "prioritized_replay_alpha": Answer(
        "it has another name here", "algorithm.replay_buffer_config.alpha=<value>"
    ),
    "prioritized_replay_beta": Answer(
        "it has another name here", "algorithm.replay_buffer_config.beta=<value>"
    ),
    "prioritized_replay_eps": Answer("no priority is ever zero: RLlib adds its own small number to each"),
    "no_local_replay_buffer": Answer("the buffer lies with the learner, always"),
    "underlying_buffer_config": Answer("one buffer holds all agents' steps"),
    "num_shards": Answer("one buffer holds all steps"),
}
"""Keys of `replay_buffer_config`."""
