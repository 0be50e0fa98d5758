"""Answers to choices that no group has: algorithms that RLlib dropped, models and environments by classic names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rlexp.config.classic.answer import OWN_MODULE, Answer
from rlexp.config.classic.exploration import strategy

_GONE = "RLlib has dropped it"
_DETERMINISTIC = f"{_GONE}; SAC is what learns from replayed continuous actions"
_ONE_PASS = f"{_GONE}; PPO with one pass over each batch is the nearest"
_FOR_AGENTS = f"{_GONE}; several agents train with one policy for all of them (README, Several agents)"
_NONE_LIKE = f"{_GONE}, and rlexp has nothing like it; rlexp list algorithm shows what it has"
_DQN = f"{_GONE} as a class of its own; DQN takes its parts as settings"
_REPLAY = "algorithm.replay_buffer_config.type=PrioritizedEpisodeReplayBuffer"
_RAINBOW = f"algorithm=dqn algorithm.num_atoms=51 algorithm.n_step=3 {_REPLAY}"
_OWN_ENV = "env=gym env.id=<import path of a MultiAgentEnv>"
_LISTED = "rlexp list algorithm"

_ALGORITHMS: Mapping[tuple[str, ...], Answer] = {
    ("a2c", "a3c", "pg"): Answer(_ONE_PASS, "algorithm=ppo algorithm.num_epochs=1"),
    ("ddppo",): Answer(f"{_GONE}; PPO learns on several learners", "algorithm=ppo hardware.num_learners=2"),
    ("trpo",): Answer("rlexp has no TRPO; PPO is its successor", "algorithm=ppo"),
    ("reinforce",): Answer(
        "rlexp has no REINFORCE; PPO with one pass over each batch is the nearest",
        "algorithm=ppo algorithm.num_epochs=1",
    ),
    ("ddpg", "td3", "apex_ddpg"): Answer(_DETERMINISTIC, "algorithm=sac"),
    ("simple_q", "simpleq"): Answer(_DQN, "algorithm=dqn algorithm.double_q=false algorithm.dueling=false"),
    ("apex", "apex_dqn"): Answer(_DQN, f"algorithm=dqn {_REPLAY}"),
    ("rainbow", "c51"): Answer("it is DQN with its settings", _RAINBOW),
    ("r2d2",): Answer(f"{_GONE}, and DQN has no recurrent network here yet", "algorithm=appo model=lstm"),
    ("dreamer", "dreamerv2"): Answer(f"{_GONE}; there is DreamerV3", "algorithm=dreamerv3"),
    ("crr", "dt"): Answer(
        f"{_GONE}; these learn from recorded data too",
        "algorithm=marwil, iql or cql, with data=recorded data.input_=<folder>",
    ),
    ("qmix", "vdn", "maddpg"): Answer(_FOR_AGENTS, f"algorithm=ppo {_OWN_ENV}"),
    ("mappo", "ippo"): Answer(
        "rlexp has none yet; one PPO policy acts for all agents", f"algorithm=ppo {_OWN_ENV}"
    ),
    (
        "es",
        "ars",
        "maml",
        "mbmpo",
        "slateq",
        "alpha_zero",
        "alphazero",
        "alpha_star",
        "leela_chess_zero",
    ): Answer(_NONE_LIKE, _LISTED),
    ("bandit", "banditlinucb", "banditlints", "linucb", "lints"): Answer(_NONE_LIKE, _LISTED),
}

_MODELS: Mapping[tuple[str, ...], Answer] = {
    ("attention", "gtrxl", "transformer"): Answer(
        "rlexp has no attention network yet; the memory that it has is an LSTM",
        f"model=lstm, or {OWN_MODULE}",
    ),
    ("gru", "rnn"): Answer("rlexp has no GRU; an LSTM is the recurrent network that it has", "model=lstm"),
    ("fcnet", "mlppolicy", "fc"): Answer("it has another name here", "model=mlp"),
    ("visionnet", "cnnpolicy"): Answer("it has another name here", "model=cnn"),
    ("multiinputpolicy", "complexnet", "complex"): Answer(
        "rlexp has no network for Dict and Tuple observations yet", OWN_MODULE
    ),
}

_OTHERS: Mapping[str, Mapping[tuple[str, ...], Answer]] = {
    "algorithm": _ALGORITHMS,
    "model": _MODELS,
    "env": {
        ("multi", "multi_agent", "multiagent"): Answer(
            "an environment with several agents goes by its import path", _OWN_ENV
        ),
        ("unity", "external", "none"): Answer(
            "rlexp has no environment outside its own processes yet", "env=gym env.id=<id or import path>"
        ),
    },
    "callbacks": {
        ("defaultcallbacks", "rllibcallback"): Answer(
            "a class of one's own goes by its import path",
            "callbacks.mine._target_=<import path of its class>",
        ),
    },
    "tracking": {
        ("csv", "json", "jsonl"): Answer(
            "every run writes metrics.jsonl, a JSON line for each iteration, whatever tracks it beside",
            "tracking=none",
        ),
    },
}

_GYM_ID = re.compile(r"(?:[\w.]+:)?(?:[\w.-]+/)?[\w.-]+-v\d+")


def for_choice(group: str, choice: str) -> Answer | None:
    """The answer to a choice that `group` does not have; None where nothing is known of it."""
    if group == "exploration" and (known := strategy(choice)) is not None:
        return known
    if group == "env" and _GYM_ID.fullmatch(choice):
        return _gym_id(choice)
    folded = choice.lower().replace("-", "_")
    for names, answer in _OTHERS.get(group, {}).items():
        if folded in names:
            return answer
    return None


def _gym_id(name: str) -> Answer:
    if name.startswith("ALE/"):
        return Answer("a game's id goes to env=atari", f"env=atari env.config.id={name}")
    if name.startswith("MiniGrid-"):
        return Answer("a grid's id goes to env=minigrid", f"env=minigrid env.config.id={name}")
    return Answer("an environment's id goes to env=gym", f"env=gym env.id={name}")
