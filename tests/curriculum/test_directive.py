"""Directives, payloads and the synthetic student."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.curriculum.simulation.simulate import simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.environment.tasks.directive import Everywhere, Fixed, Mixed, Weighted
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=20).filter(lambda w: sum(w) > 0.01), st.integers(0, 99)
)
def test_a_task_of_weight_0_is_never_drawn(weights: list[float], seed: int) -> None:
    directive, rng = Weighted.of(list(range(len(weights))), weights), np.random.default_rng(seed)
    # A weight that float32 cannot tell from 0 beside the others counts as 0.
    assert all(weights[directive.sample(rng, 0).task] > 0 for _ in range(50))


def test_weights_are_frequencies() -> None:
    directive, rng = Weighted.of("abc", [1, 0, 3]), np.random.default_rng(0)
    drawn = [directive.sample(rng, 0).task for _ in range(4000)]
    assert drawn.count("c") / 4000 == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [1, float("nan")], [1]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Weighted.of("ab", weights)


def test_a_mixture_keeps_the_parts_tags() -> None:
    directive = Mixed.of((Fixed("a", tag="old"), 0.1), (Fixed("b", tag="new"), 0.9), (Fixed("c"), 0.0))
    rng = np.random.default_rng(0)
    draws = [directive.sample(rng, 0) for _ in range(4000)]
    assert {(draw.task, draw.tag) for draw in draws} == {("a", "old"), ("b", "new")}
    assert sum(draw.tag == "old" for draw in draws) / 4000 == pytest.approx(0.1, abs=0.02)


def test_ten_thousand_tasks_fit_in_two_hundred_kilobytes() -> None:
    directive = Weighted.of(np.arange(10_000, dtype=np.int32), np.ones(10_000))
    assert len(pickle.dumps(Payload(directive, 1, 1, 0))) < 200_000


def test_the_stream_depends_on_nothing_but_seed_progress_slot_and_count() -> None:
    space = TaskSpace.of({"x": {"box": [0, 1]}})
    payload = Payload(Everywhere(space), 3, 700, 5)
    drawn = {
        (env_index, n): payload.draw(env_index, n).task["x"] for env_index in range(8) for n in range(20)
    }
    assert len(set(drawn.values())) == 160
    again = pickle.loads(pickle.dumps(payload))
    assert drawn[4, 7] == again.draw(4, 7).task["x"]
    assert drawn[4, 7] == Payload(Everywhere(space), 9, 700, 5).draw(4, 7).task["x"]
    assert drawn[4, 7] != Payload(Everywhere(space), 3, 701, 5).draw(4, 7).task["x"]


def test_a_student_learns_from_what_it_sometimes_solves_and_from_nothing_else() -> None:
    space, rng = TaskSpace.of({"box": [0, 1]}), np.random.default_rng(0)
    gained = []
    for task in (0.0, 0.5, 1.0):
        student = Student(space, skill=0.5)
        for _ in range(10):
            student.attempt(Fixed(task).sample(rng, 0), 0, 0, rng)
        gained.append(student.skill - 0.5)
    assert gained[1] > 100 * max(gained[0], gained[2]) > 0
    resting = Student(space, skill=0.5)
    resting.attempt(Fixed(0.5).sample(rng, 0)._replace(trainable=False), 0, 0, rng)
    assert resting.skill == 0.5


def test_a_simulation_repeats_itself_by_its_seed() -> None:
    space = TaskSpace.of({"int": [1, 8]})
    one, two, other = (
        simulate(Uniform(space, seed=0), Student(space), [8], episodes=640, seed=seed) for seed in (1, 1, 2)
    )
    assert one.target == two.target != other.target
    assert sum(map(len, one.outcomes)) == 640
    assert one.outcomes[0][0].tag is None and one.versions[-1] == 0
