"""What the parts of training cost, by a moment of real sampling, learning and packing in this process."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from ray.rllib.algorithms.dqn.dqn import calculate_rr_weights
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from rlexp.compat import rllib
from rlexp.engine.curriculum_connector import curriculum_piece
from rlexp.engine.learning.off_policy import ReplayLearner
from rlexp.engine.learning.vtrace_learners import VTraceLearner
from rlexp.engine.replay.uniform import ColumnarReplay
from rlexp.engine.rollout import Rollout
from rlexp.engine.runners.fast_runner import FastEnvRunner
from rlexp.hardware.predict import Costs, Layout, VectorStep

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

STRETCHES, SAMPLE_S, LEARN_S = 4, 0.02, 0.03
"""The quickest of so many stretches of so many seconds counts: in the others, something else had the core."""

MINIBATCHES = 8
"""Enough of them that what an update costs once is spread over them as in training."""

BUDGET_S = 0.3
"""Seconds after which no further stretch of one measurement is begun."""


def measure(
    config: AlgorithmConfig, layouts: Sequence[Layout], runners: Iterable[int], threads: Callable[[int], int]
) -> Costs:
    """Samples with each of `layouts`, and learns from what was sampled with the last.

    Args:
        config: finished, with the fast path in it. It is not changed.
        layouts: without remote runners.
        runners: numbers of remote runners that will be asked about, 0 not among them.
        threads: torch threads that the main process would have beside so many runners.
    """
    samples = {layout: _sample(config, layout) for layout in layouts}
    last = samples[layouts[-1]]
    counts = [0, *runners]
    learn_s = _learning(config, last, {count: threads(count) for count in counts})
    return Costs(
        steps={layout: sample.step for layout, sample in samples.items()},
        learn_s=learn_s,
        transport_s=_quickest(lambda: _sent(last.rollouts), SAMPLE_S)[0] / _count(last.rollouts),
        weights_s=_quickest(lambda: _sent(last.weights), SAMPLE_S)[0],
        batch=config.total_train_batch_size,
        fragment=config.get_rollout_fragment_length(),
    )


@dataclass(frozen=True)
class _Sample:
    """What a vector step takes; what was sampled last; the runner's spaces and weights."""

    step: VectorStep
    rollouts: list[Rollout]
    spaces: dict[str, Any]
    weights: Any


def _sample(config: AlgorithmConfig, layout: Layout) -> _Sample:
    copied = config.copy(copy_frozen=False)
    copied.env_runners(
        num_env_runners=0, num_envs_per_env_runner=layout.envs, gym_env_vectorize_mode=layout.mode
    )
    copied.callbacks(callbacks_class=[])
    runner = FastEnvRunner(config=copied, worker_index=0)
    if (tasks := curriculum_piece(rllib.env_to_module(runner))) is not None:
        tasks.follows = False  # No teacher has spoken yet: the environments' own task.
    try:
        begin = time.perf_counter()
        runner.collect(num_timesteps=layout.envs * 2)
        quick = (time.perf_counter() - begin) / 2 < SAMPLE_S / 16
        steps = layout.envs * (16 if quick else 2)
        calls: list[list[Rollout]] = []
        runner.runner_metrics.env_s = 0.0
        seconds, cpu_s = _quickest(lambda: calls.append(runner.collect(num_timesteps=steps)), SAMPLE_S)
        made = sum(rollout.num_steps for call in calls for rollout in call)
        rows = made / len(calls)
        step = VectorStep(seconds / rows, runner.runner_metrics.env_s / made, cpu_s / rows)
        weights = runner.get_state(components=[COMPONENT_RL_MODULE])
        return _Sample(step, calls[-1], runner.get_spaces(), weights)
    finally:
        runner.stop()


def _learning(config: AlgorithmConfig, sample: _Sample, threads: dict[int, int]) -> dict[int, float]:
    """Seconds of learning for one env step, by number of runners, each with its torch threads."""
    learner = config.copy(copy_frozen=False).build_learner(env=None, spaces=sample.spaces)
    work, updates = _updates(config, learner, sample.rollouts)
    try:
        work()
        seconds = {}
        for count in sorted(set(threads.values())):
            with _torch_threads(count):
                seconds[count] = _quickest(work, LEARN_S)[0]
    finally:
        learner.shutdown()
    return {runners: seconds[count] * updates(runners) for runners, count in threads.items()}


def _updates(
    config: AlgorithmConfig, learner: Any, rollouts: list[Rollout]
) -> tuple[Callable[[], Any], Callable[[int], float]]:
    """A piece of learning, and how many such pieces go with an env step when there are so many runners."""
    size = config.total_train_batch_size
    if isinstance(learner, ReplayLearner):
        return _replaying(config, learner, rollouts)
    if isinstance(learner, VTraceLearner):
        options = {"minibatch_size": config.minibatch_size, "num_epochs": config.num_epochs}
        batch = _enough(rollouts, size)
        passes = (
            config.circular_buffer_iterations_per_batch
            if getattr(config, "use_circular_buffer", False)
            else 1
        )
        return lambda: learner.update_now(
            batch, timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: 0}, **options
        ), lambda _: passes / _count(batch)
    minibatch = config.minibatch_size or size
    batch, many = _enough(rollouts, min(minibatch, 512)), max(1, round(size * config.num_epochs / minibatch))
    options = {"num_epochs": 1, "minibatch_size": minibatch, "num_total_minibatches": min(many, MINIBATCHES)}
    share = many / min(many, MINIBATCHES) / size
    return lambda: learner.update(episodes=batch, timesteps={}, **options), lambda _: share


def _replaying(
    config: AlgorithmConfig, learner: ReplayLearner, rollouts: list[Rollout]
) -> tuple[Callable[[], Any], Callable[[int], float]]:
    replay = ColumnarReplay(capacity=4096)
    replay.add(rollouts)

    def update() -> None:
        batch = replay.sample(
            num_items=config.total_train_batch_size, n_step=config.n_step, gamma=config.gamma
        )
        learner.update_from_replay(batch, {NUM_ENV_STEPS_SAMPLED_LIFETIME: 0})

    def per_env_step(runners: int) -> float:
        copied = config.copy(copy_frozen=False).env_runners(num_env_runners=runners)
        store, updates = calculate_rr_weights(copied)
        made = copied.get_rollout_fragment_length() * copied.num_envs_per_env_runner * max(1, runners)
        return updates / (store * made)

    return update, per_env_step


def _sent(what: Any) -> Any:
    """Packed and unpacked, as on the way to another process."""
    return pickle.loads(pickle.dumps(what, protocol=pickle.HIGHEST_PROTOCOL))


def _quickest(work: Callable[[], Any], stretch_s: float) -> tuple[float, float]:
    """Seconds and processor seconds of one call, in the quickest of some stretches."""
    found: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(found) < STRETCHES and (not found or time.perf_counter() - start < BUDGET_S):
        begin, cpu, calls = time.perf_counter(), time.process_time(), 0
        # At least once: on a busy machine the stretch may be over before the first call.
        while (elapsed := time.perf_counter() - begin) < stretch_s or not calls:
            work()
            calls += 1
        found.append((elapsed / calls, (time.process_time() - cpu) / calls))
    return min(found)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _enough(rollouts: Sequence[Rollout], steps: int) -> list[Rollout]:
    """The rollouts as often as it takes to have so many steps."""
    return list(rollouts) * max(1, -(-steps // _count(rollouts)))


def _count(rollouts: Sequence[Rollout]) -> int:
    return max(1, sum(len(rollout) for rollout in rollouts))
