"""The metrics that every run logs, in one table: records are made from it, and settings are checked against it."""

from __future__ import annotations

from rlexp.base.metric_names import ITERATION_S, SPS, WALL_S

EPISODE_LENGTH, EPISODE_RETURN = "__episode_length", "__episode_return"
"""Entries of the runners' results with the true length and the return of each episode."""

ENV_TIMER, INFERENCE_TIMER, CALLBACKS_TIMER = "__env_timer", "__inference_timer", "__callbacks_timer"
"""Entries of the runners' results: seconds spent in the environments, and, by fast runners, in choosing actions and
in episode hooks. Not RLlib's own names, whose moving averages a checkpoint brings back."""

EVAL_SECONDS, EVAL_SKIPPED = "evaluation_s", "evaluation_skipped"
"""What `rlexp.engine.callbacks.bookkeeping` adds to an evaluation's results."""

OF_EPISODES = {
    "return_mean": "episode_return_mean",
    "return_min": "episode_return_min",
    "return_max": "episode_return_max",
    "episode_len_mean": "episode_len_mean",
}
"""Names under `train/` and `eval/`, and RLlib's in its runners' results."""

RETURN_STD, EPISODES = "return_std", "episodes"
"""More under `train/` and `eval/`: standard deviation of the returns (of a sample), and number of the episodes."""

TIMERS = {
    "perf/sample_s": ("env_runner_sampling_timer", "sample"),
    "perf/learn_s": ("learner_update_timer",),
    "perf/sync_s": ("synch_weights",),
}
"""Seconds of an iteration, and RLlib's timers that they are the sum of."""

RUNNER_TIMERS = {
    "perf/env_s": ENV_TIMER,
    "perf/inference_s": INFERENCE_TIMER,
    "perf/callbacks_s": CALLBACKS_TIMER,
}
"""Where the runners' time goes, summed over all runners."""

IRREGULARITIES = "perf/env_irregularities"
"""How often an environment gave what it should not, and it was taken all the same."""

COUNTED = (
    SPS,
    ITERATION_S,
    WALL_S,
    "perf/env_failures",
    IRREGULARITIES,
    "perf/runner_restarts",
)
"""What comes from neither."""

PERF = (*COUNTED, *TIMERS, *RUNNER_TIMERS)
"""All under `perf/` that an iteration has with or without evaluation."""

CURRICULUM = "curriculum/"
"""Before the name of whatever a curriculum logs."""

CURRICULUM_EPISODES = ("episodes", "stale", "score_mean", "tasks", "entropy")
"""What a curriculum logs of an iteration's episodes; teachers may read it."""

IN_EVERY_RECORD = ("env_steps", "iteration", "timestamp")


def episode_names(prefix: str) -> set[str]:
    """The names under `train` or `eval`."""
    return {f"{prefix}/{name}" for name in (*OF_EPISODES, RETURN_STD, EPISODES)}
