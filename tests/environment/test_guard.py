from __future__ import annotations

import pickle
import threading
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.testing import Corridor, Crashing, NotFinite
from rlexp.base.errors import RunFailedError
from rlexp.environment.env_errors import EnvBrokenError, FatalEnvError, NonFiniteError, fatal_cause
from rlexp.environment.guards.box_checks import FiniteCheck
from rlexp.environment.guards.guard import Guard
from rlexp.environment.guards.process_state import ProcessState
from rlexp.environment.info_keys import FAILURE, FAILURE_COUNT


class Scripted(Corridor):
    """Fails in those calls of `make`, `reset` and `step` that the shared script says."""

    def __init__(self, script: list[bool]) -> None:
        super().__init__(length=50, max_steps=7)
        self.script = script
        self.tasks: list[Any] = []
        self._maybe_fail()

    def _maybe_fail(self) -> None:
        if self.script and self.script.pop(0):
            raise OSError("lost connection")

    def reset(self, **kwargs: Any) -> Any:
        self._maybe_fail()
        return super().reset(**kwargs)

    def step(self, action: int) -> Any:
        self._maybe_fail()
        return super().step(action)

    def set_task(self, task: Any) -> None:
        self.tasks.append(task)


class Always(Corridor):
    """Raises in one method, without a message."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def reset(self, **kwargs: Any) -> Any:
        if self.where == "reset":
            raise RuntimeError
        return super().reset(**kwargs)

    def step(self, action: int) -> Any:
        if self.where == "step":
            raise RuntimeError
        return super().step(action)


def guard(make: Any, **kwargs: Any) -> Guard:
    return Guard(make, "toy", **kwargs)


def test_failed_step_truncates_with_last_good_observation() -> None:
    env = guard(lambda: Scripted([]))
    first, _ = env.reset(seed=1)
    env.step(1)
    good, *_ = env.step(1)
    broken = env.unwrapped
    broken.script.append(True)  # type: ignore[attr-defined]
    observation, reward, terminated, truncated, info = env.step(1)
    np.testing.assert_array_equal(observation, good)
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info[FAILURE].startswith("OSError: lost connection (test_guard.py:") and info[FAILURE_COUNT] == 1
    assert env.unwrapped is not broken
    again, info = env.reset()
    np.testing.assert_array_equal(again, first)
    assert FAILURE_COUNT not in info


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), max_size=80), st.integers(1, 5))
def test_every_failure_is_counted_or_fatal(script: list[bool], most: int) -> None:
    """However calls fail, each failure is told of once, or `most` of them end in the error."""
    failures, left = sum(script), [False, *script]  # The first environment is made outside the guard's care.
    env = guard(lambda: Scripted(left), max_consecutive_failures=most)
    told = 0
    try:
        for _ in range(100):
            _, info = env.reset()
            told += info.get(FAILURE_COUNT, 0)
            done = False
            while not done:
                _, _, terminated, truncated, info = env.step(1)
                told += info.get(FAILURE_COUNT, 0)
                done = terminated or truncated
    except EnvBrokenError as error:
        assert ("once" if most == 1 else f"{most} times in a row") in str(error)
        assert sum(script) - sum(left) >= most
        return
    assert told == failures and not left


@pytest.mark.parametrize("where", ["reset", "step"])
def test_always_failing_ends_with_the_original_error(where: str) -> None:
    made: list[int] = []

    def make() -> gymnasium.Env:
        made.append(1)
        return Always(where)

    env = guard(make, max_consecutive_failures=10)
    with pytest.raises(EnvBrokenError) as caught:
        for _ in range(1000):
            env.reset()
            env.step(0)
    error = caught.value
    assert isinstance(error, RunFailedError) and error.env == "toy"
    assert "the environment toy failed 10 times in a row" in str(error)
    assert f"RuntimeError (it has no message) (test_guard.py:{_line_of(where)}, in {where})" in str(error)
    assert "Traceback" in error.trace and "raise RuntimeError" in error.trace
    assert len(made) <= 11


def _line_of(where: str) -> int:
    from pathlib import Path

    lines = Path(__file__).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if f'if self.where == "{where}"' in line)
    return start + 2


def test_good_step_between_failures_starts_the_count_anew() -> None:
    env = guard(lambda: Crashing(p_crash=0.3, length=50), max_consecutive_failures=12)
    env.reset(seed=0)
    failures = 0
    for _ in range(400):
        _, _, terminated, truncated, info = env.step(1)
        failures += info.get(FAILURE_COUNT, 0)
        if terminated or truncated:
            env.reset()
    assert failures > 60


def test_replaced_environment_is_seeded_from_the_first_seed() -> None:
    def episode_lengths() -> list[int]:
        env = guard(lambda: Crashing(p_crash=0.2, length=50), max_consecutive_failures=50)
        env.reset(seed=5)
        lengths, length = [], 0
        for _ in range(300):
            _, _, terminated, truncated, _ = env.step(1)
            length += 1
            if terminated or truncated:
                lengths.append(length)
                length = 0
                env.reset()
        return lengths

    assert episode_lengths() == episode_lengths()


def test_task_is_set_again_on_a_replaced_environment() -> None:
    script: list[bool] = []
    env = guard(lambda: Scripted(script))
    env.set_task({"rooms": 3})
    env.reset()
    script.append(True)
    env.step(1)
    assert env.unwrapped.tasks == [{"rooms": 3}]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"at_step": 5, "max_steps": 3}, "returned nan in obs[1] at its step 5 (step 2 of the episode)"),
        ({"at_step": 2, "value": "-inf"}, "returned -inf in obs[1] at its step 2 (step 2 of the episode)"),
        ({"at_step": 3, "field": "reward", "value": "inf"}, "returned inf in reward at its step 3"),
        ({"at_step": 0}, "returned nan in obs[1] on reset"),
    ],
)
def test_not_finite_is_told_with_step_and_field(config: dict[str, Any], message: str) -> None:
    env = guard(lambda: NotFinite(**config))
    with pytest.raises(NonFiniteError) as caught:
        _run(env, 10)
    assert message in str(caught.value) and caught.value.env == "toy"
    assert caught.value.step == config["at_step"]


def test_check_finite_false_lets_it_pass() -> None:
    env = guard(lambda: NotFinite(at_step=2), check_finite=False)
    env.reset()
    env.step(0)
    assert np.isnan(env.step(0)[0][1])


def _run(env: gymnasium.Env, steps: int) -> None:
    env.reset()
    for _ in range(steps):
        _, _, terminated, truncated, _ = env.step(0)
        if terminated or truncated:
            env.reset()


NESTED = spaces.Dict(
    {
        "x": spaces.Box(-1, 1, (2, 3), np.float32),
        "n": spaces.Discrete(4),
        "t": spaces.Tuple((spaces.Box(0, 255, (2,), np.uint8), spaces.Box(-np.inf, np.inf, (), np.float64))),
    }
)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nested_fields_are_named(bad: float) -> None:
    check, value = FiniteCheck(NESTED), NESTED.sample()
    assert check.bad_field(value) is None
    value["x"][1, 2] = bad
    field, found = check.bad_field(value) or ("", 0.0)
    assert field == "obs['x'][1, 2]" and (found == bad or np.isnan(found) and np.isnan(bad))
    value["x"][1, 2] = 0
    value["t"] = (value["t"][0], bad)
    assert (check.bad_field(value) or ("",))[0] == "obs['t'][1]"


def test_largest_finite_numbers_are_finite() -> None:
    space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
    assert FiniteCheck(space).bad_field(np.full(3, np.finfo(np.float32).max)) is None
    assert FiniteCheck(space).bad_field([1.0, 2.0, 3.0]) is None
    assert FiniteCheck(space).bad_field([1.0, float("nan"), 3.0]) is not None


@pytest.mark.parametrize("kind", [EnvBrokenError, NonFiniteError])
def test_fatal_errors_cross_processes(kind: type[FatalEnvError]) -> None:
    error = (
        EnvBrokenError.after("toy", 3, ValueError("boom"))
        if kind is EnvBrokenError
        else NonFiniteError.found("toy", "obs[1]", float("nan"), 7, 2)
    )
    for copy in (pickle.loads(pickle.dumps(error)), kind(error)):
        assert type(copy) is kind and str(copy) == str(error) and copy.__dict__ == error.__dict__


def test_fatal_cause_is_found_behind_other_errors() -> None:
    fatal = NonFiniteError.found("toy", "reward", float("nan"), 1, 1)
    try:
        try:
            raise fatal
        except NonFiniteError as error:
            raise RuntimeError from error
    except RuntimeError as error:
        assert fatal_cause(error) is fatal
    assert fatal_cause(ValueError("other")) is None and fatal_cause(None) is None


class Returning(gymnasium.Env[Any, Any]):
    """Returns what its `observation` is."""

    action_space = spaces.Discrete(2)

    def __init__(self, space: spaces.Box) -> None:
        self.observation_space, self.observation = space, np.zeros(space.shape, space.dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self.observation, {}

    def step(self, action: int) -> Any:
        return self.observation, 1.0, False, False, {}


@pytest.mark.parametrize("shape", [(), (1,), (4,), (16,), (17,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_and_infinity_are_found_at_every_place_of_small_and_large_arrays(
    shape: tuple[int, ...], dtype: Any
) -> None:
    env = Returning(spaces.Box(-np.inf, np.inf, shape, dtype))
    guarded = Guard(lambda: env, "returning")
    guarded.reset()
    largest = np.full(shape, np.finfo(dtype).max, dtype)
    for place in range(largest.size):
        env.observation = largest
        assert guarded.step(0)[0] is largest
        for bad in (np.nan, np.inf, -np.inf):
            env.observation = np.zeros(shape, dtype)
            env.observation.flat[place] = bad
            with pytest.raises(NonFiniteError), np.errstate(invalid="ignore"):
                guarded.step(0)


@pytest.mark.parametrize("size", [4, 17])
def test_every_bound_of_small_and_large_arrays_is_looked_at(size: int) -> None:
    for place, value in [(0, 2.5), (size - 1, -2.5)]:
        env = Returning(spaces.Box(-2, 2, (size,), np.float32))
        guarded = Guard(lambda env=env: env, "returning")
        guarded.reset()
        env.observation = np.zeros(size, np.float32)
        env.observation[place] = value
        guarded.step(0)
        assert f"obs[{place}] = {value} not between -2.0 and 2.0" in guarded._notices.seen[0]


def test_numpys_error_settings_are_put_back_after_every_change_and_in_every_thread() -> None:
    before, state, found = np.geterr(), ProcessState(), []

    def meddle() -> None:
        np.seterr(**before)
        for setting in ("raise", "ignore", "raise"):
            state.restore()
            np.seterr(all=setting)
            state.restore()
            found.append(np.geterr())

    meddle()
    thread = threading.Thread(target=meddle)
    thread.start()
    thread.join()
    assert found == [before] * 6


@pytest.mark.parametrize("shape", [(4,), (17,), (2, 3)])
def test_infinity_is_refused_by_name_where_the_environment_has_made_numpy_raise(
    shape: tuple[int, ...],
) -> None:
    env = Returning(spaces.Box(-np.inf, np.inf, shape, np.float32))
    guarded = Guard(lambda: env, "returning")
    guarded.reset()
    env.observation = np.full(shape, np.inf, np.float32)
    with np.errstate(all="raise"), pytest.raises(NonFiniteError, match=r"returned inf in obs\["):
        guarded.step(0)
