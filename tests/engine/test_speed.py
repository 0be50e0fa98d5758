"""`hardware=auto` measures what environments and runners bring, on the real module and environment, and says so."""

from __future__ import annotations

from typing import Any

import pytest

import rlexp


def prepared(*overrides: str) -> Any:
    from rlexp.run.building.prepare import prepare

    return prepare(rlexp.compose([*overrides, "hardware=auto", "evaluation=none", "tracking=none"]))


def test_a_run_with_auto_hardware_is_measured_and_says_so() -> None:
    from rlexp.run.building.auto_measured import COUNTS

    made = prepared("env=cartpole")
    taken = made.algorithm_config.num_envs_per_env_runner
    (said,) = (note for note in made.notes if note.startswith("num_env_runners"))
    runners = made.algorithm_config.num_env_runners
    assert said.startswith(f"num_env_runners={runners}: measured, in training steps/s: ")
    # CartPole's own vector form is the very same environment, and steps all at once.
    assert all(f" with {count} vector_entry_point envs" in said for count in COUNTS)
    assert "gym_env_vectorize_mode=vector_entry_point" in made.chosen
    assert taken in COUNTS
    assert made.config.hardware.settings["num_envs_per_env_runner"] == taken
    assert f"num_envs_per_env_runner={taken}" in made.chosen
    assert made.needs_ray == (runners > 0)


def test_what_a_person_gave_is_left_alone() -> None:
    made = prepared("env=cartpole", "hardware.num_envs_per_env_runner=3", "hardware.num_env_runners=0")
    assert made.algorithm_config.num_envs_per_env_runner == 3
    assert not any("measured" in note for note in made.notes)


def test_a_run_with_a_curriculum_is_measured_too() -> None:
    made = prepared(
        "env=gym", "env.id=envs.testing.Errand", "env.tasks={length: {int: [1, 9]}}", "curriculum=uniform"
    )
    runners = made.algorithm_config.num_env_runners
    assert any(note.startswith(f"num_env_runners={runners}: measured") for note in made.notes)


@pytest.mark.parametrize(
    ("algorithm", "envs"),
    [("dqn", 1), ("sac", 1), ("impala", 8), ("appo", 8)],
)
def test_every_kind_of_learning_is_measured(
    algorithm: str, envs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine with room for runners, a positive figure for each number of them."""
    import dataclasses

    from rlexp.hardware.machine.machine import inspect_machine
    from rlexp.run.building import auto_measured
    from rlexp.run.building import prepare as module

    eight = dataclasses.replace(inspect_machine(), cores=8)
    monkeypatch.setattr(module, "inspect_machine", lambda: eight)
    found: list[Any] = []
    real = auto_measured.measure
    monkeypatch.setattr(auto_measured, "measure", lambda *given: found.append(real(*given)) or found[-1])
    made = prepared(f"algorithm={algorithm}", "env=pendulum" if algorithm == "sac" else "env=cartpole")
    (costs,) = found
    assert set(costs.learn_s) == {0, 1, 2, 4, 7} and min(costs.learn_s.values()) > 0
    assert {layout.envs for layout in costs.steps} == {envs}
    assert costs.transport_s > 0 and costs.weights_s > 0
    (said,) = (note for note in made.notes if note.startswith("num_env_runners"))
    assert "7 runners" in said


def test_a_stretch_makes_a_call_even_where_the_machine_leaves_it_no_time() -> None:
    from rlexp.engine.cost_probe import _quickest

    calls: list[int] = []
    seconds, _ = _quickest(lambda: calls.append(1), 0.0)
    assert seconds >= 0.0 and calls
