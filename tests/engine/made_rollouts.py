"""Rollouts of no environment in particular: episodes that end, are cut and begin at any place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import tree
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from rlexp.engine.rollout import Rollout

VECTOR = gym.spaces.Box(-1.0, 1.0, (4,), np.float32)
IMAGE = gym.spaces.Box(-1.0, 1.0, (10, 10, 2), np.float32)
SPACES = {
    "discrete": (gym.spaces.Discrete(3), 3),
    "box": (gym.spaces.Box(-1.0, 1.0, (2,), np.float32), 4),
    "multidiscrete": (gym.spaces.MultiDiscrete([3, 2]), 5),
}
"""Action spaces, with the number of inputs of their distribution."""
LSTM = {"use_lstm": True, "lstm_cell_size": 8, "max_seq_len": 4, "vf_share_layers": True}
CNN = {"conv_filters": [[4, 4, 2], [8, 5, 1]], "conv_activation": "relu"}


def episodes(rollout: Rollout, space: gym.Space, action_space: gym.Space) -> Iterator[SingleAgentEpisode]:
    """The episodes, or parts of them, that a rollout stands for, as RLlib's env runner would return them.

    Infos are not there: a rollout does not keep them.
    """
    for env in range(rollout.num_envs):
        first = None
        for row in range(rollout.num_steps + 1):
            inside = row < rollout.num_steps and bool(rollout.valid[row, env])
            if inside and first is None:
                first = row
            ended = first is not None and (not inside or _done(rollout, row - 1, env))
            if first is not None and row > first and ended:
                yield _episode(rollout, env, first, row, space, action_space)
                first = row if inside else None


def _done(rollout: Rollout, row: int, env: int) -> bool:
    return row >= 0 and bool(rollout.terminated[row, env] or rollout.truncated[row, env])


def _episode(
    rollout: Rollout, env: int, first: int, last: int, space: gym.Space, action_space: gym.Space
) -> SingleAgentEpisode:
    def part(column: Any, start: int, stop: int) -> list[Any]:
        return [
            tree.map_structure(lambda leaf, row=row: leaf[row, env], column) for row in range(start, stop)
        ]

    return SingleAgentEpisode(
        observations=part(rollout.observations, first, last + 1),
        actions=part(rollout.actions, first, last),
        rewards=[float(reward) for reward in rollout.rewards[first:last, env]],
        extra_model_outputs={name: part(column, first, last) for name, column in rollout.outputs.items()},
        observation_space=space,
        action_space=action_space,
        terminated=bool(rollout.terminated[last - 1, env]),
        truncated=bool(rollout.truncated[last - 1, env]),
        t_started=int(rollout.started[env]) if first == 0 else 0,
        len_lookback_buffer=0,
    ).to_numpy()


def flags(
    rng: np.random.Generator, steps: int, envs: int, done: float, first_is_reset: bool
) -> dict[str, Any]:
    """`terminated`, `truncated` and `valid` as next-step autoreset gives them, each step ending with chance `done`."""
    ended = rng.random((steps, envs)) < done
    valid = np.ones((steps, envs), bool)
    before = np.full(envs, first_is_reset)
    for t in range(steps):
        valid[t] = ~before
        before = ended[t] & valid[t]
    ended &= valid
    terminated = ended & (rng.random((steps, envs)) < 0.5)
    return {"terminated": terminated, "truncated": ended & ~terminated, "valid": valid}


def sampled(space: gym.Space, rng: np.random.Generator, *shape: int) -> Any:
    """Elements of a space with leading axes `shape`."""
    space.seed(int(rng.integers(2**31)))
    drawn = [space.sample() for _ in range(int(np.prod(shape)))]
    return tree.map_structure(lambda *leaves: np.stack(leaves).reshape(*shape, *np.shape(leaves[0])), *drawn)


def made_rollout(
    seed: int = 0,
    steps: int = 12,
    envs: int = 3,
    done: float = 0.2,
    first_is_reset: bool = False,
    observation_space: gym.Space = VECTOR,
    action_space: gym.Space | None = None,
    inputs: int = 2,
    state: Any = None,
) -> Rollout:
    """A rollout of `inputs` distribution inputs; `state` is a module's initial state, null for one without."""
    rng = np.random.default_rng(seed)
    flag = flags(rng, steps, envs, done, first_is_reset)
    return Rollout(
        observations=sampled(observation_space, rng, steps + 1, envs),
        actions=sampled(action_space or gym.spaces.Discrete(inputs), rng, steps, envs),
        rewards=rng.normal(size=(steps, envs)).astype(np.float32),
        outputs={
            Columns.ACTION_DIST_INPUTS: (0.3 * rng.normal(size=(steps, envs, inputs))).astype(np.float32),
            Columns.ACTION_LOGP: (-1.0 + 0.3 * rng.normal(size=(steps, envs))).astype(np.float32),
        },
        states=None
        if state is None
        else tree.map_structure(lambda leaf: _states(rng, leaf, flag["valid"]), state),
        started=np.zeros(envs, np.int64),
        **flag,
    )


def _states(rng: np.random.Generator, initial: Any, valid: Any) -> Any:
    """[T + 1, N, ...] of random states, the initial one where an episode begins."""
    steps, envs = valid.shape
    states = rng.normal(size=(steps + 1, envs, *np.shape(initial))).astype(np.float32)
    states[0] = initial
    states[1:][~valid] = initial
    return states


def stock_episodes(
    rollouts: list[Rollout], observation_space: gym.Space, action_space: gym.Space
) -> list[SingleAgentEpisode]:
    """The episodes that RLlib's env runner would have returned."""
    return [e for r in rollouts for e in episodes(_with_next_states(r), observation_space, action_space)]


def _with_next_states(rollout: Rollout) -> Rollout:
    if rollout.states is None:
        return rollout
    after = tree.map_structure(lambda leaf: leaf[1:], rollout.states)
    return replace(rollout, outputs={**rollout.outputs, Columns.STATE_OUT: after})


def rollouts_for(learner: Any, actions: str = "discrete", **options: Any) -> list[Rollout]:
    """Two rollouts of other lengths than a sequence or a stretch, with ends, cuts and resets anywhere."""
    module = learner.module[DEFAULT_MODULE_ID]
    state = module.get_initial_state() if module.is_stateful() else None
    if state is not None:
        state = tree.map_structure(lambda leaf: leaf.numpy(), state)
    space, inputs = SPACES[actions]
    common = {
        "observation_space": module.observation_space,
        "action_space": space,
        "inputs": inputs,
        "state": state,
        **options,
    }
    return [
        made_rollout(seed=1, steps=14, **common),
        made_rollout(seed=2, steps=9, first_is_reset=True, **common),
    ]
