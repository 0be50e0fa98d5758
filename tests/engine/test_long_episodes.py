"""Memory stays flat however long an episode is, and the figures of the whole episode stay exact."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import episode_of

from rlexp.config.schema import EnvChoice
from rlexp.engine.callbacks.episode_metrics import EpisodeMetrics
from rlexp.engine.runners import fast_runner as env_runner
from rlexp.engine.sampling.episode_view import EpisodeView
from rlexp.engine.sampling.steps import Steps
from rlexp.environment.guards.long_episodes import EarlierSteps, most_steps, thinned

SPACES: Any = (None, None)


def rows(count: int, first: bool) -> Steps:
    """`count` steps of one environment, each with a reward of 1 and an info of its own."""
    steps = Steps(np.zeros((1, 3), np.float32), None, {}, np.zeros(1, np.int64), continues=not first)
    for step in range(count):
        steps.observations.append(np.zeros((1, 3), np.float32))
        steps.actions.append(np.zeros(1, np.int64))
        steps.rewards.append(np.ones(1))
        steps.terminated.append(np.zeros(1, bool))
        steps.truncated.append(np.zeros(1, bool))
        steps.outputs.append({})
        steps.infos.append({"x": np.array([step]), "_x": np.ones(1, bool)})
        steps.states.append(None)
    return steps


def test_an_episode_without_an_end_keeps_its_last_steps_alone() -> None:
    parts: list[Any] = []
    alive: list[weakref.ref[Any]] = []
    forgotten = []
    for number in range(50):
        view = EpisodeView(
            rows(100, number == 0), 0, 0, 100, SPACES, parts[-1] if parts else None, lookback=1
        )
        alive.append(weakref.ref(view))
        parts = thinned([*parts, view], 250, lambda part, steps: forgotten.append(steps))
        del view
    gc.collect()
    assert sum(ref() is not None for ref in alive) == len(parts) - 1 == 2
    assert isinstance(parts[0], EarlierSteps) and sum(forgotten) == 4800
    assert sum(len(part) for part in parts) == 5000 == sum(part.get_return() for part in parts)
    assert (parts[0].t_started, parts[0].t, parts[1].t_started) == (0, 4800, 4800)


def test_as_long_as_nothing_goes_only_the_ends_are_looked_at() -> None:
    """Off-policy, each part is a step, and they are asked about after each."""

    class Part:
        looks = 0

        def __init__(self, begun: int) -> None:
            self.t_started = begun

        @property
        def t(self) -> int:
            Part.looks += 1
            return self.t_started + 1

    parts = [Part(step) for step in range(200)]
    assert thinned(parts, 200, lambda *_: None) == parts
    assert Part.looks < 5


def test_short_episodes_are_kept_as_they_are() -> None:
    first = EpisodeView(rows(100, True), 0, 0, 100, SPACES)
    assert thinned([first], 50, lambda *_: None) == [first], "the last part always stays"
    second = EpisodeView(rows(100, False), 0, 0, 100, SPACES, first, lookback=1)
    assert thinned([first, second], 200, lambda *_: None) == [first, second]


@pytest.mark.parametrize(
    ("step_bytes", "num_envs", "most"), [(76, 1, 20_000), (28_224, 8, 1188), (10**9, 4, 256)]
)
def test_how_many_steps_are_kept_goes_by_their_size(step_bytes: int, num_envs: int, most: int) -> None:
    assert most_steps(step_bytes, num_envs) == most


class Logger:
    """What a callback logs, by name."""

    def __init__(self) -> None:
        self.stats: dict[str, Any] = {}
        self.logged: dict[Any, list[Any]] = {}

    def log_value(self, key: Any, value: Any, **_: Any) -> None:
        self.logged.setdefault(key, []).append(value)


def test_metrics_of_infos_count_the_steps_that_are_no_longer_kept() -> None:
    specs = {name: {"info": "x", "reduce": name} for name in ("sum", "mean", "max", "last")}
    callback = EpisodeMetrics({**specs, "own": {"_target_": "a.b"}}, build=None)  # type: ignore[arg-type]
    callback.on_steps_forgotten(part=episode_of([{}, {"x": 9.0}, {"x": 1.0}], 0), steps=2, env_index=0)
    earlier = EarlierSteps(episode_of([{}, {}, {}], 0))
    earlier.add(episode_of([{}, {}, {}], 0), 2)
    logger: Any = Logger()
    callback.on_episode_end(
        episode=episode_of([{}, {"x": 2.0}], 2),
        prev_episode_chunks=[earlier],
        metrics_logger=logger,
        env_index=0,
    )
    logged = {key[1]: values for key, values in logger.logged.items() if key[0] == "custom"}
    assert logged == {"sum": [12.0], "mean": [4.0], "max": [9.0], "last": [2.0]}
    assert "metrics.own is not computed" in logger.logged["__env_notices"][0]


def test_an_evaluation_holds_no_more_rows_than_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "environment"))
    from rllib_runs import ppo

    monkeypatch.setattr(env_runner, "most_steps", lambda *_: 500)
    choice = EnvChoice(id="odd_envs.Endless", max_episode_steps=3000)
    algorithm = ppo(choice, ["odd_envs"], fast="always")
    try:
        most = 0
        step = algorithm.env_runner._step

        def watched(*words: Any) -> bool:
            nonlocal most
            most = max(most, len(algorithm.env_runner._steps))
            return bool(step(*words))

        monkeypatch.setattr(algorithm.env_runner, "_step", watched)
        sampled = algorithm.env_runner.sample(num_episodes=2, explore=False)
        assert sum(each.env_steps() for each in sampled) == 6000 and most < 600
        metrics = algorithm.env_runner.get_metrics()
        assert metrics["num_episodes"].peek() == 2 and metrics["episode_len_max"].peek() == 3000
    finally:
        algorithm.stop()
