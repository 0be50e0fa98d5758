"""A date that is set back while a run trains makes no iteration longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from harness import tiny

from rlexp.compat import monotonic_clock


def test_ray_still_measures_by_the_date_in_these_modules() -> None:
    import inspect

    for name in monotonic_clock.MODULES:
        assert "time.time()" in inspect.getsource(import_module(name)), f"{name}: the patch can go"


def test_the_steady_clock_is_the_date_and_only_goes_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = monotonic_clock.SteadyTime()
    assert clock.time() == pytest.approx(time.time(), abs=5.0) and clock.sleep is time.sleep
    before = clock.time()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert before <= clock.time() < before + 60


@pytest.fixture
def trainable() -> Iterator[Callable[..., Any]]:
    from rlexp.run.building.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    made = []

    def make(*overrides: str) -> Any:
        made.append(
            RunTrainable(config={"prepared": prepare(tiny("tracking=none", "evaluation=none", *overrides))})
        )
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["auto", "never"])
def test_an_iteration_of_a_second_stays_one(
    trainable: Callable[..., Any], fast: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = ("reporting.min_time_s_per_iteration=0.2", "reporting.min_sample_timesteps_per_iteration=0")
    made = trainable("algorithm=dqn", "env=cartpole", f"fast={fast}", *seconds, "stop.wall_s=90")
    true_time, begun = time.time, time.monotonic()
    # The date is set back by ten minutes a tenth of a second after the iteration has begun.
    monkeypatch.setattr(time, "time", lambda: true_time() - (600 if time.monotonic() - begun > 0.1 else 0))
    record = made.step()
    assert 0.2 <= record["perf/iteration_s"] < 20
