"""`hardware=auto` measures what more environments bring, and takes them where it is worth it."""

import pytest

from rlexp.fast.speed import WORTH_IT, chosen


@pytest.mark.parametrize(
    ("sps", "best"),
    [
        ({8: 1000.0, 16: 1000.0 * WORTH_IT - 1, 32: 1000.0 * WORTH_IT - 1}, 8),
        ({8: 1000.0, 16: 1000.0 * WORTH_IT + 1, 32: 1100.0 * WORTH_IT}, 16),
        ({8: 1000.0, 16: 1100.0, 32: 1000.0 * WORTH_IT + 1}, 32),
        ({8: 1000.0, 16: 900.0, 32: 800.0}, 8),
        ({8: 1000.0}, 8),
    ],
)
def test_more_environments_must_be_worth_it(sps, best):
    assert chosen(sps).best == best


def test_a_run_with_auto_hardware_is_measured_and_says_so():
    import rlexp
    from rlexp.fast.speed import CANDIDATES
    from rlexp.run.prepare import prepare

    made = prepare(rlexp.compose(["env=cartpole", "hardware=auto", "evaluation=none"]))
    taken = made.algorithm_config.num_envs_per_env_runner
    (said,) = (note for note in made.notes if note.startswith("num_envs_per_env_runner"))
    assert taken in CANDIDATES and said.startswith(f"num_envs_per_env_runner={taken}: training makes ")
    assert all(f" with {count}" in said for count in CANDIDATES) and "measured" in said
    assert made.config.hardware.settings["num_envs_per_env_runner"] == taken
    assert f"num_envs_per_env_runner={taken}" in made.chosen


def test_a_number_that_a_person_gave_is_left_alone():
    import rlexp
    from rlexp.run.prepare import prepare

    made = prepare(rlexp.compose(["env=cartpole", "hardware=auto", "hardware.num_envs_per_env_runner=3"]))
    assert made.algorithm_config.num_envs_per_env_runner == 3
    assert not any("measured" in note for note in made.notes)
