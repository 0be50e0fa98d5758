"""RLlib's own env runners keep no more of an episode than a bound, however long it is; its figures stay exact."""

from __future__ import annotations

import gc
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from harness import episode_of
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.env.multi_agent_env import MultiAgentEnv
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
from ray.rllib.env.multi_agent_episode import MultiAgentEpisode
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from rlexp.engine.callbacks.episode_metrics import EpisodeMetrics
from rlexp.engine.runners import bounded_episodes
from rlexp.engine.runners.bounded_episodes import bytes_of_a_step
from rlexp.engine.runners.guarded_runner import GuardedEnvRunner
from rlexp.engine.runners.runner_class import GuardedMultiAgentEnvRunner, env_runner_class
from rlexp.environment.guards.long_episodes import EarlierSteps

SEEN = np.zeros(4, np.float32)
FIGURES = ("episode_return_mean", "episode_len_mean", "episode_len_max", "num_episodes")


class Counting(gymnasium.Env):
    """Ends after `length` steps, each of which brings its number as reward and info."""

    observation_space = Box(-1, 1, (4,), np.float32)
    action_space = Discrete(2)

    def __init__(self, config: Any) -> None:
        self.length = config["length"]

    def reset(self, **_: Any) -> Any:
        self.at = 0
        return SEEN, {"x": 0.0}

    def step(self, action: Any) -> Any:
        self.at += 1
        return SEEN, float(self.at), self.at == self.length, False, {"x": float(self.at)}


class Pair(MultiAgentEnv):
    """The same for two agents, of which one has half the reward and acts at each second step alone."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.length = config["length"]
        self.agents = self.possible_agents = ["a", "b"]
        self.observation_spaces = dict.fromkeys(self.agents, Counting.observation_space)
        self.action_spaces = dict.fromkeys(self.agents, Counting.action_space)

    def reset(self, **_: Any) -> Any:
        self.at = 0
        return dict.fromkeys(self.agents, SEEN), {}

    def step(self, actions: Any) -> Any:
        self.at += 1
        over = self.at == self.length
        seen = self.agents if self.at % 2 == 0 or over else ["a"]
        rewards = {agent: self.at * (1.0 if agent == "a" else 0.5) for agent in seen}
        return dict.fromkeys(seen, SEEN), rewards, {"__all__": over}, {"__all__": False}, {}


def config(length: int, **env_runners: Any) -> PPOConfig:
    settings = PPOConfig().environment(Counting, env_config={"length": length})
    return settings.env_runners(num_env_runners=0, num_envs_per_env_runner=1, **env_runners)


def pairs(length: int) -> PPOConfig:
    settings = config(length).environment(Pair)
    return settings.multi_agent(policies={"p"}, policy_mapping_fn=lambda *_, **__: "p")


@pytest.fixture
def at_most(monkeypatch: pytest.MonkeyPatch) -> int:
    """Steps that are kept."""
    monkeypatch.setattr(bounded_episodes, "most_steps", lambda *_: 20)
    return 20


def kept(runner: Any) -> list[Any]:
    return [part for parts in runner._ongoing_episodes_for_metrics.values() for part in parts]


def steps_of(parts: list[Any]) -> int:
    return sum(len(part) for part in parts if not isinstance(part, EarlierSteps))


def figures(runner: Any, more: tuple[str, ...] = ()) -> dict[str, Any]:
    metrics = runner.get_metrics()
    told = {name: metrics[name].peek() for name in FIGURES}
    for name in more:
        told |= {f"{name}/{key}": value.peek() for key, value in metrics[name].items()}
    return told


def test_a_long_training_episode_is_thinned_and_counted_as_rllib_does(at_most: int) -> None:
    thin, stock = (kind(config=config(100)) for kind in (GuardedEnvRunner, SingleAgentEnvRunner))
    for _ in range(10):
        for runner in (thin, stock):
            runner.sample(num_timesteps=10, random_actions=True)
        assert steps_of(kept(thin)) <= 2 * at_most  # One that has ended, and one that runs.
    assert thin._done_episodes_for_metrics or steps_of(kept(stock)) == 100
    for runner in (thin, stock):
        runner.sample(num_timesteps=10, random_actions=True)
    found = figures(thin)
    assert found == figures(stock)
    assert (found["episode_return_mean"], found["episode_len_max"]) == (5050.0, 100)


def test_a_long_episode_of_several_agents_is_thinned_and_counted_as_rllib_does(at_most: int) -> None:
    thin, stock = (kind(config=pairs(75)) for kind in (GuardedMultiAgentEnvRunner, MultiAgentEnvRunner))
    for _ in range(8):
        for runner in (thin, stock):
            runner.sample(num_timesteps=10, random_actions=True)
        assert steps_of(kept(thin)) <= 2 * at_most  # One that has ended, and one that runs.
    agents = ("agent_episode_returns_mean", "module_episode_returns_mean", "agent_steps")
    found = figures(thin, agents)
    assert found == figures(stock, agents)
    assert found["episode_len_max"] == 75


@pytest.mark.parametrize(
    ("settings", "kind"), [(config, GuardedEnvRunner), (pairs, GuardedMultiAgentEnvRunner)]
)
def test_an_episode_of_an_evaluation_is_cut_and_counted(
    at_most: int, monkeypatch: pytest.MonkeyPatch, settings: Any, kind: Any
) -> None:
    monkeypatch.setattr(bounded_episodes, "LOOK", 5)
    evaluated = settings(100)
    evaluated.in_evaluation = True
    runner = kind(config=evaluated)
    longest, step = 0, runner._try_env_step

    def watched(actions: Any) -> Any:
        nonlocal longest
        longest = max(longest, steps_of(kept(runner)) + len(runner._ongoing_episodes[0]))
        return step(actions)

    monkeypatch.setattr(runner, "_try_env_step", watched)
    runner.sample(num_episodes=2, random_actions=True)
    found = figures(runner)
    assert longest <= 3 * at_most + 5  # Of 200; parts of one that has ended wait for the metrics.
    assert (found["num_episodes"], found["episode_len_mean"], found["episode_len_max"]) == (2, 100, 100)


def test_metrics_of_infos_count_all_steps_on_rllibs_own_runner(at_most: int) -> None:
    specs = {name: {"info": "x", "reduce": name} for name in ("sum", "mean", "max", "last")}

    class Logged(EpisodeMetrics):
        def __init__(self) -> None:
            super().__init__(specs, build=None)  # type: ignore[arg-type]

    runner = GuardedEnvRunner(config=config(80).callbacks(Logged))
    for _ in range(9):
        runner.sample(num_timesteps=10, random_actions=True)
    custom = runner.get_metrics()["custom"]
    told = {name: float(np.mean(value.peek())) for name, value in custom.items()}
    assert told == {"sum": 3240.0, "mean": 40.5, "max": 80.0, "last": 80.0}


def test_figures_of_steps_before_a_reset_do_not_reach_the_next_episode() -> None:
    callback = EpisodeMetrics({"sum": {"info": "x", "reduce": "sum"}}, build=None)  # type: ignore[arg-type]
    part = episode_of([{}, {"x": 9.0}, {"x": 1.0}])
    callback.on_steps_forgotten(part=part, steps=2, env_index=0)
    logged: list[float] = []

    class Logger:
        stats: dict[str, Any] = {}

        def log_value(self, key: Any, value: Any, **_: Any) -> None:
            if "sum" in key:
                logged.append(value)

    logger: Any = Logger()
    callback.on_episode_end(episode=episode_of([{}, {"x": 2.0}]), metrics_logger=logger, env_index=0)
    assert set(logged) == {2.0}


def test_how_many_bytes_a_step_takes_counts_what_the_network_gave() -> None:
    infos: list[dict[str, float]] = [{}, {}]
    small = episode_of(infos)
    large = SingleAgentEpisode(
        observations=[np.zeros(1000, np.float32)] * 2,
        actions=[0],
        rewards=[1.0],
        infos=infos,
        extra_model_outputs={"state": [np.zeros(500, np.float32)]},
        len_lookback_buffer=0,
    )
    assert bytes_of_a_step(small) < 1000 and 6000 < bytes_of_a_step(large) < 7000
    assert bytes_of_a_step(large.to_numpy()) == bytes_of_a_step(large)


def test_runners_of_other_classes_are_bounded_too() -> None:
    class Own(SingleAgentEnvRunner):
        pass

    settings = config(10, env_runner_cls=Own)
    assert issubclass(env_runner_class(settings), bounded_episodes.BoundedEpisodes)


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "steps"), [(config, 200_000), (pairs, 60_000)])
def test_a_very_long_episode_holds_no_more_than_one_of_30_000_steps(settings: Any, steps: int) -> None:
    kind = GuardedEnvRunner if settings is config else GuardedMultiAgentEnvRunner
    runner = kind(config=settings(10**9).callbacks(RLlibCallback))
    runner.module = (
        None  # Actions are drawn, so that connectors, which take most of the time, are not needed.
    )

    def held(steps: int) -> tuple[int, int]:
        for _ in range(steps // 2000):
            runner.sample(num_timesteps=2000, random_actions=True)
        runner.get_metrics()
        gc.collect()
        episodes = (SingleAgentEpisode, MultiAgentEpisode)
        alive = sum(isinstance(each, episodes) for each in gc.get_objects())
        return alive, len(gc.get_objects())

    before, after = held(30_000), held(steps - 30_000)
    assert after[0] <= before[0] and after[1] < 1.05 * before[1], (before, after)
    assert sum(len(part) for part in kept(runner)) == steps
