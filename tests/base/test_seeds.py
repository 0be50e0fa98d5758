"""How the run's seed becomes the others: the very numbers, since another derivation would make other runs."""

from __future__ import annotations

import numpy as np

from rlexp.base import seeds


class _Algorithm:
    local_replay_buffer = None

    def __init__(self) -> None:
        self.replay_buffer = type("Buffer", (), {"rng": np.random.default_rng()})()


def test_no_two_environments_of_a_run_have_the_same_seed() -> None:
    num_envs, runners = 4, 3
    # RLlib adds the runner's number before this is asked, and the environment's afterwards.
    first = [seeds.runner_seed(7 + index, index, num_envs) for index in range(1, runners + 1)]
    assert first == [8, 12, 16]
    assert seeds.runner_seed(7, 0, num_envs) == 7


def test_environments_after_a_crash_have_other_seeds() -> None:
    assert [seeds.seed_after_crashes(3, crashes) for crashes in range(3)] == [3, 1_000_006, 2_000_009]
    assert seeds.seed_after_crashes(None, 2) is None


def test_an_evaluation_has_the_seed_that_is_asked_for() -> None:
    assert (seeds.evaluation_seed(3, None), seeds.evaluation_seed(3, 11)) == (1_000_003, 11)
    assert (seeds.seed_for_rllibs_evaluation(3, None), seeds.seed_for_rllibs_evaluation(3, 11)) == (
        3,
        -999_989,
    )


def test_replay_draws_by_the_runs_seed() -> None:
    algorithm = _Algorithm()
    seeds.seed_replay(algorithm, 5)
    assert algorithm.replay_buffer.rng.integers(1000) == np.random.default_rng(5).integers(1000)


def test_trials_tracks_and_searches_have_seeds_of_their_own() -> None:
    assert list(seeds.consecutive_seeds(4, 3)) == [4, 5, 6]
    assert [seeds.track_seed(0, track) for track in ("easy", "hard")] == [2990910195, 1151404193]
    assert [seeds.search_seed(0, known) for known in (0, 1)] == [2968811710, 3964924996]
