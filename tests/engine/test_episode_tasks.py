"""Which steps are learnt from, read off the rows of a runner whose environments mark episodes at their resets."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rollouts import flags

from rlexp.engine.sampling.steps import EpisodeTasks, Steps, ended_episodes
from rlexp.environment.info_keys import NOT_LEARNT, OUTCOME
from rlexp.environment.tasks.outcome import Outcome

ENVS = 3


def infos(marked: Any, outcomes: dict[int, Outcome]) -> dict[str, Any]:
    """As Gymnasium's vector environments give them: a key only where somebody has it, with its mask."""
    told: dict[str, Any] = {}
    if marked.any():
        told[NOT_LEARNT], told[f"_{NOT_LEARNT}"] = marked, marked
    if outcomes:
        column, mask = np.full(ENVS, None, object), np.zeros(ENVS, bool)
        for env, outcome in outcomes.items():
            column[env], mask[env] = outcome, True
        told[OUTCOME], told[f"_{OUTCOME}"] = column, mask
    return told


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(0, 1), st.sets(st.integers(1, 19), max_size=4))
def test_a_mark_holds_from_its_reset_to_the_next_one(seed: int, share: float, at: set[int]) -> None:
    rng = np.random.default_rng(seed)
    flag = flags(rng, 20, ENVS, 0.3, first_is_reset=False)
    now = rng.random(ENVS) < share
    rows = [infos(now, {})]
    expected, outcomes = np.ones((20, ENVS), bool), []
    for t in range(20):
        expected[t] = ~now
        marked = ~flag["valid"][t] & (rng.random(ENVS) < share)
        now = np.where(flag["valid"][t], now, marked)
        over = np.flatnonzero(flag["terminated"][t] | flag["truncated"][t]).tolist()
        outcomes += [(t, n) for n in over]
        rows.append(infos(marked, {n: Outcome(t, 0, None, 0.0, 0.0, 1, env_index=n) for n in over}))
    tasks, found = EpisodeTasks(ENVS), []
    for low, high in zip([0, *sorted(at)], [*sorted(at), 20], strict=True):
        steps = Steps(None, None, rows[low], np.zeros(ENVS, int), continues=low > 0)
        steps.infos = rows[low : high + 1]
        steps.valid = list(flag["valid"][low:high])
        steps.rewards = list(np.zeros((high - low, ENVS)))
        learnt, valid = tasks.learnt(steps), flag["valid"][low:high]
        assert (learnt is None) == bool(expected[low:high].all() and not _marks(rows[low + 1 : high + 1]))
        mask = np.ones_like(valid) if learnt is None else learnt
        assert (mask[valid] == expected[low:high][valid]).all()
        for each in ended_episodes(steps):
            found.append((each.step + low, each.env))
            assert (each.outcome.task, each.outcome.env_index) == found[-1]
    assert found == outcomes


def _marks(rows: list[dict[str, Any]]) -> bool:
    return any(NOT_LEARNT in row for row in rows)


def test_a_forced_reset_begins_anew() -> None:
    tasks, marked, none = EpisodeTasks(ENVS), np.ones(ENVS, bool), np.zeros(ENVS, bool)
    for first, expected in ((marked, False), (none, True)):
        steps = Steps(None, None, infos(first, {}), np.zeros(ENVS, int), continues=False)
        steps.infos.append({})
        steps.valid, steps.rewards = [np.ones(ENVS, bool)], [np.zeros(ENVS)]
        learnt = tasks.learnt(steps)
        assert (learnt is None) if expected else not learnt.any()
