"""Training speed as reckoned from measured parts: what more processes bring, and what they cannot."""

from __future__ import annotations

import pytest

from rlexp.hardware.predict import (
    WORTH_IT,
    Costs,
    Layout,
    VectorStep,
    best,
    describe,
    runner_counts,
    training_speed,
)

EIGHT = Layout(0, 8)
CHEAP, SLEEPS, BURNS = (
    VectorStep(0.4e-3, 0.2e-3, 0.4e-3),
    VectorStep(16.2e-3, 16e-3, 0.3e-3),
    VectorStep(16.2e-3, 16e-3, 16.2e-3),
)


def costs(step: VectorStep, learn_s: float = 50e-6) -> Costs:
    return Costs({EIGHT: step}, dict.fromkeys(range(33), learn_s), 2e-6, 1e-4, batch=2048, fragment=50)


def speed(
    step: VectorStep, runners: int, cores: int, kind: str = "on_policy", learn_s: float = 50e-6
) -> float:
    return training_speed(costs(step, learn_s), kind, Layout(runners, 8), cores)  # type: ignore[arg-type]


def test_in_one_process_the_parts_add_up() -> None:
    assert speed(CHEAP, 0, 2) == pytest.approx(1 / (0.4e-3 / 8 + 50e-6))


def test_environments_in_processes_of_their_own_can_be_reckoned_with_alone() -> None:
    alone = Layout(0, 8, "async")
    measured = Costs({alone: SLEEPS}, dict.fromkeys(range(3), 50e-6), 2e-6, 1e-4, batch=2048, fragment=50)
    assert training_speed(measured, "on_policy", alone, 2) > 0
    assert training_speed(measured, "on_policy", Layout(2, 4, "async"), 2) > 0


def test_cheap_environments_gain_nothing_from_runners() -> None:
    for kind in ("on_policy", "async"):
        assert speed(CHEAP, 1, 2, kind) < speed(CHEAP, 0, 2, kind) * WORTH_IT


def test_environments_that_wait_gain_from_every_runner_and_those_that_reckon_from_every_core() -> None:
    for kind in ("on_policy", "async"):
        assert speed(SLEEPS, 4, 2, kind) > 3.0 * speed(SLEEPS, 0, 2, kind)
        assert speed(BURNS, 4, 2, kind) < 2.1 * speed(BURNS, 0, 2, kind)
        assert speed(BURNS, 4, 8, kind) > 3.0 * speed(BURNS, 0, 8, kind)


def test_one_runner_brings_overlap_to_those_that_learn_meanwhile_alone() -> None:
    learn_s = 2e-3
    assert speed(SLEEPS, 1, 4, "async", learn_s) > 1.8 * speed(SLEEPS, 0, 4, "async", learn_s)
    assert speed(SLEEPS, 1, 4, "on_policy", learn_s) < speed(SLEEPS, 0, 4, "on_policy", learn_s)


def test_learning_bounds_what_runners_can_bring() -> None:
    assert speed(SLEEPS, 32, 64, "async", 5e-3) < 1 / 5e-3


def test_other_numbers_of_environments_come_from_the_nearest_measured() -> None:
    step = costs(SLEEPS).step(4)
    assert step.env_s == pytest.approx(8e-3) and step.seconds == pytest.approx(8.2e-3)


@pytest.mark.parametrize(
    ("speeds", "chosen"),
    [
        ([1000.0, 1000.0 * WORTH_IT - 1, 1000.0 * WORTH_IT - 1], 0),
        ([1000.0, 1000.0 * WORTH_IT + 1, 1100.0 * WORTH_IT], 1),
        ([1000.0, 1100.0, 1000.0 * WORTH_IT + 1], 2),
        ([1000.0, 900.0, 800.0], 0),
        ([1000.0], 0),
    ],
)
def test_more_must_be_worth_it(speeds: list[float], chosen: int) -> None:
    layouts = [Layout(count, 8) for count in range(len(speeds))]
    assert best(dict(zip(layouts, speeds, strict=True))) == layouts[chosen]


def test_counts_are_powers_of_two_and_all_that_fit() -> None:
    assert [runner_counts(room) for room in (0, 1, 2, 7, 8)] == [
        [],
        [1],
        [1, 2],
        [1, 2, 4, 7],
        [1, 2, 4, 8],
    ]


def test_the_reason_tells_what_was_measured_and_what_predicted() -> None:
    text = describe({EIGHT: 5123.4, Layout(2, 8): 3900.0}, [EIGHT])
    assert text == (
        "measured, in training steps/s: 0 runners with 8 envs 5,123; "
        "predicted, in training steps/s: 2 runners with 8 envs 3,900"
    )
