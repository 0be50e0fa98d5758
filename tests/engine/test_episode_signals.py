"""Signals of episodes that run on from rollout to rollout, against sums by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rollouts import made_rollout

from rlexp.engine.learning.episode_signals import EpisodeSignals
from rlexp.engine.learning.gae import estimate
from rlexp.engine.rollout import EndedEpisode, Rollout
from rlexp.environment.tasks.outcome import SIGNALS, Outcome

STEPS, ENVS, GAMMA = 24, 3, 0.9


def made(seed: int) -> tuple[Rollout, Any]:
    """A long rollout whose episodes all have outcomes, but for some that ended in a failure; and its values."""
    rollout = made_rollout(seed, steps=STEPS, envs=ENVS, done=0.25, first_is_reset=seed % 2 == 0)
    rng = np.random.default_rng(seed)
    ends = [(t, n) for t, n in np.argwhere(rollout.terminated | rollout.truncated).tolist()]
    rollout.ended = [
        EndedEpisode(t, n, Outcome(t * ENVS + n, 0, None, 0.0, 0.0, 1)) for t, n in ends if rng.random() < 0.8
    ]
    return rollout, rng.normal(size=(STEPS + 1, ENVS))


def cut(rollout: Rollout, values: Any, at: list[int]) -> list[tuple[Rollout, Any]]:
    """The same in pieces, which say how many steps their first episodes had made."""
    pieces = []
    for low, high in zip([0, *at], [*at, STEPS], strict=True):
        part = slice(low, high)
        started = np.zeros(ENVS, np.int64)
        for n in range(ENVS):
            for t in range(low):
                over = rollout.terminated[t, n] or rollout.truncated[t, n]
                started[n] = 0 if over else started[n] + rollout.valid[t, n]
        piece = replace(
            rollout,
            **{
                name: getattr(rollout, name)[part] for name in ("rewards", "terminated", "truncated", "valid")
            },
            started=started,
            continues=low > 0,
            ended=[
                EndedEpisode(e.step - low, e.env, e.outcome)
                for e in rollout.ended or ()
                if low <= e.step < high
            ],
        )
        pieces.append((piece, values[low : high + 1]))
    return pieces


def take(signals: EpisodeSignals, pieces: list[tuple[Rollout, Any]]) -> dict[int, dict[str, float]]:
    """Of lambda 0, whose advantages do not depend on where a rollout is cut; by the outcomes' tasks."""
    told = {}
    for rollout, values in pieces:
        found = estimate(values, rollout, GAMMA, 0.0)
        told |= {o.task: dict(o.signals) for o in signals.take(rollout, found.advantages, values)}
    return told


def by_hand(rollout: Rollout, values: Any, seen: slice = slice(None)) -> dict[int, dict[str, float]]:
    """Step by step; of the steps in `seen` only."""
    told = {}
    counted = set(range(STEPS)[seen])
    for n in range(ENVS):
        off, worth = [], []
        for t in range(STEPS):
            if rollout.valid[t, n] and t in counted:
                after = 0.0 if rollout.terminated[t, n] else values[t + 1, n]
                off.append(rollout.rewards[t, n] + GAMMA * after - values[t, n])
                worth.append(values[t, n])
            if rollout.terminated[t, n] or rollout.truncated[t, n]:
                if any((e.step, e.env) == (t, n) for e in rollout.ended or ()) and t in counted:
                    figures = np.mean(np.abs(off)), np.mean([max(a, 0.0) for a in off]), np.mean(worth)
                    told[t * ENVS + n] = dict(zip(SIGNALS, map(float, figures), strict=True))
                off, worth = [], []
    return told


def same(one: dict[int, dict[str, float]], other: dict[int, dict[str, float]]) -> None:
    assert one.keys() == other.keys()
    for task in one:
        assert one[task] == pytest.approx(other[task], rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.sets(st.integers(1, STEPS - 1), max_size=8))
def test_signals_are_those_of_whole_episodes_wherever_rollouts_are_cut(seed: int, at: set[int]) -> None:
    rollout, values = made(seed)
    told = take(EpisodeSignals(), cut(rollout, values, sorted(at)))
    same(told, by_hand(rollout, values))


def test_runners_do_not_mix() -> None:
    signals, told, expected = EpisodeSignals(), [{}, {}], []
    runs = [made(seed) for seed in (1, 3)]
    pieces = [cut(*run, at=[7, 15]) for run in runs]
    for turn in range(3):
        for runner in (0, 1):
            rollout, values = pieces[runner][turn]
            told[runner] |= take(signals, [(replace(rollout, runner=runner + 1), values)])
    expected = [by_hand(*run) for run in runs]
    for one, other in zip(told, expected, strict=True):
        same(one, other)


def test_where_a_rollout_was_lost_the_means_are_over_the_steps_seen() -> None:
    rollout, values = made(5)
    pieces = cut(rollout, values, [8, 14])
    told = take(EpisodeSignals(), [pieces[0], pieces[2]])
    late = {task: s for task, s in by_hand(rollout, values, slice(14, None)).items() if task >= 14 * ENVS}
    same({task: s for task, s in told.items() if task >= 14 * ENVS}, late)


def test_a_forced_reset_drops_what_was_summed() -> None:
    first, values = made(7)
    first.terminated[:], first.truncated[:], first.valid[:], first.ended = False, False, True, []
    second, other = made(9)
    signals = EpisodeSignals()
    take(signals, [(first, values)])
    same(take(signals, [(replace(second, continues=False), other)]), by_hand(second, other))


def test_a_number_that_is_not_finite_stays_in_its_episode() -> None:
    rollout, values = made(11)
    ends = [e for e in rollout.ended or () if e.env == 0]
    assert len(ends) > 2
    values[ends[0].step, 0] = np.nan
    told, expected = take(EpisodeSignals(), cut(rollout, values, [10])), by_hand(rollout, values)
    bad = {task for task, signals in told.items() if not np.isfinite(list(signals.values())).all()}
    assert bad == {ends[0].outcome.task}
    same({t: s for t, s in told.items() if t not in bad}, {t: s for t, s in expected.items() if t not in bad})
