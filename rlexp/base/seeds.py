"""How one number, the run's `seed`, becomes every seed of a run and of a sweep.

- Weights, exploration, minibatches: `seed`, by RLlib's `debugging(seed=)`; in env runner i `seed` + i.
- Environment j of the local runner: `seed` + j; of runner i, from 1, with N environments each:
  `seed` + (i - 1) * N + 1 + j, `runner_seed`. Only the first reset has a seed; later ones go on from there.
- The same after a crash of their runner: 1,000,003 more for each crash, `seed_after_crashes`. An environment that is
  replaced after an error is given draws of a generator of its last seed (`environment/guards/replaceable_env.py`).
- Environments that evaluate: `evaluation.seed`, by default `seed` + 1,000,000; `evaluation_seed`.
- Draws from a replay buffer: `seed`; `seed_replay`.
- The curriculum's teacher: `seed`; where each track has one, `track_seed`. Tasks are drawn by a counter, from `seed`,
  the episodes seen, the environment's number and how many it has had (`environment/tasks/payload.py`).
- The trials of a sweep's point: `seed`, `seed` + 1, ..., as many as `sweep.seeds`, `consecutive_seeds`; simulated
  students likewise. The points themselves: `sweep.seed`; of a search by scores, `search_seed`.

The numbers are part of what a run promises: another derivation would make other runs of the same config.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

RLLIB_EVALUATION_OFFSET = 1_000_000
"""What RLlib itself adds to the seed of environments that evaluate."""
CRASH_OFFSET = 1_000_003
"""Between the seeds of environments before and after a crash of their runner."""


def runner_seed(seed: int, worker_index: int, num_envs: int) -> int:
    """The seed to give RLlib's env runner, so that no two runners' environments have the same.

    RLlib seeds environment j of runner i with its seed + i + j, so that neighbouring runners' first episodes would
    be the same; this gives each runner a stretch of seeds of its own.

    Args:
        seed: the run's.
        worker_index: the runner's number, from 1; 0 is the local one.
        num_envs: of each runner.
    """
    return seed + (worker_index - 1) * (num_envs - 1) if worker_index else seed


def seed_after_crashes(seed: int | None, crashes: int) -> int | None:
    """The seed of a runner's environments that has crashed so often; None stays None."""
    return None if seed is None else seed + crashes * CRASH_OFFSET


def seed_for_rllibs_evaluation(seed: int, evaluation: int | None) -> int:
    """The seed to give RLlib so that the first evaluation runner's is `evaluation_seed`."""
    return seed if evaluation is None else evaluation - RLLIB_EVALUATION_OFFSET


def evaluation_seed(seed: int, evaluation: int | None) -> int:
    """The seed of the environments that evaluate, where the run's is `seed` and the config asks for `evaluation`."""
    return seed_for_rllibs_evaluation(seed, evaluation) + RLLIB_EVALUATION_OFFSET


def seed_replay(algorithm: Any, seed: int) -> None:
    """Gives the replay buffer a random generator of the run's seed; the one that RLlib makes has none.

    Args:
        algorithm: RLlib's, built: DreamerV3 makes its buffer, under a name of its own, last of all.
        seed: the run's.
    """
    for name in ("local_replay_buffer", "replay_buffer"):
        buffer: Any = getattr(algorithm, name, None)
        if hasattr(buffer, "rng"):
            buffer.rng = np.random.default_rng(seed)


def consecutive_seeds(first: int, count: int) -> range:
    """The seeds of a point's trials, or of simulated students: the config's own and those after it."""
    return range(first, first + count)


def track_seed(seed: int, track: str) -> int:
    """The seed of one of several teachers that have a track of the curriculum each; independent of the others'."""
    return int(np.random.SeedSequence([seed, zlib.crc32(track.encode())]).generate_state(1)[0])


def search_seed(seed: int, known: int) -> int:
    """The seed of a search by scores that begins, or goes on after `known` points.

    The same seed again would draw the points again that were drawn before the interruption.
    """
    return int(np.random.SeedSequence([seed, known]).generate_state(1)[0])
