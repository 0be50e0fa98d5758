"""`hardware=auto` by measurement: what one process was seen to do, and what more would do, decides where it can.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlexp.config.algorithms import Kind
from rlexp.engine.cost_probe import measure
from rlexp.hardware.auto import FAST_S, Chosen
from rlexp.hardware.predict import Layout, best, describe, runner_counts, training_speed

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

RUNNERS, ENVS, MODE = "num_env_runners", "num_envs_per_env_runner", "gym_env_vectorize_mode"

SLOWEST_S = 20e-3
"""Seconds a step of an environment beyond which measuring takes more than a second or two: then by rule."""

COUNTS = (8, 16, 32)
"""Environments to try in one process. The first is what is taken where more bring little."""

SHORTEST_STRETCH = 64
"""Steps that each environment should contribute to an on-policy batch at least."""


def measured(
    config: AlgorithmConfig,
    open_keys: Mapping[str, Any],
    kind: Kind,
    env_step_s: float,
    room: int,
    cores: int,
) -> dict[str, Chosen]:
    """The best layout among those that leave fixed what is fixed.

    Args:
        config: finished, with the fast path in it, and for other keys as it will run. It is not changed.
        open_keys: the keys that may be chosen.
        kind: how the algorithm uses runners.
        env_step_s: seconds of one environment step.
        room: remote runners that fit on the machine.
        cores: that the run may use.

    Returns:
        For `num_env_runners`, `num_envs_per_env_runner` and `gym_env_vectorize_mode`, as far as they are open,
        a value and its reason; nothing where there is nothing to choose from.
    """
    here = _here(config, open_keys, kind, env_step_s, cores)
    runners = _remote(config, open_keys, kind, env_step_s, room)
    if len(here) + len(runners) < 2:
        return {}
    costs = measure(config, here, runners, lambda count: max(1, min(8, (cores - count) // 2)))
    speeds = {layout: training_speed(costs, kind, layout, cores) for layout in here}
    alone = best(speeds)
    for count in runners:
        layout = Layout(
            count, _envs(config, kind, count, here[0] if alone.mode == "async" else alone), here[0].mode
        )
        speeds[layout] = training_speed(costs, kind, layout, cores)
    chosen, why = best(speeds), describe(speeds, here)
    values = {RUNNERS: chosen.runners, MODE: chosen.mode, ENVS: chosen.envs}
    first = next(key for key in values if key in open_keys)
    return {
        key: (value, why if key == first else f"measured, see {first}")
        for key, value in values.items()
        if key in open_keys
    }


def _here(
    config: AlgorithmConfig, open_keys: Mapping[str, Any], kind: Kind, env_step_s: float, cores: int
) -> list[Layout]:
    """Layouts of this process alone: with more environments where they are quick, each in a process where not."""
    mode, given = str(config.gym_env_vectorize_mode), int(config.num_envs_per_env_runner)
    in_turn = "sync" if MODE in open_keys and mode == "async" else mode
    counts = [given]
    if ENVS in open_keys and kind != "off_policy":
        counts = [
            count for count in COUNTS if count * _stretch(config, kind) <= config.total_train_batch_size
        ]
        counts = (counts or [COUNTS[0]])[: None if env_step_s < FAST_S else 1]
    layouts = [Layout(0, count, in_turn) for count in counts]
    if (
        MODE in open_keys
        and in_turn == "sync"
        and kind != "off_policy"
        and env_step_s >= FAST_S
        and cores > 1
    ):
        processes = [max(2, min(16, 2 * cores))] if ENVS in open_keys else [given]
        layouts += [Layout(0, count, "async") for count in processes]
    return layouts


def _remote(
    config: AlgorithmConfig, open_keys: Mapping[str, Any], kind: Kind, env_step_s: float, room: int
) -> list[int]:
    if RUNNERS not in open_keys:
        return []
    if kind == "off_policy" and not config.training_intensity:
        return [1] if room else []  # More would mean fewer updates a step.
    return runner_counts(room)


def _stretch(config: AlgorithmConfig, kind: Kind) -> int:
    return SHORTEST_STRETCH if kind == "on_policy" else int(config.get_rollout_fragment_length())


def _envs(config: AlgorithmConfig, kind: Kind, runners: int, alone: Layout) -> int:
    """Environments of each of so many runners: as in one process, as far as the batch allows."""
    if kind != "on_policy":
        return alone.envs
    return max(1, min(alone.envs, config.total_train_batch_size // (SHORTEST_STRETCH * runners)))
