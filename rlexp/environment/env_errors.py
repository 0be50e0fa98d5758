"""Errors of an environment that end a run; they cross process borders, so all they hold is plain."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from rlexp.base.errors import RunFailedError

OLD_GYM = (
    "'env.wrappers=[{_target_: envs.wrappers.OldGym}]', since it is of old Gym (shimmy's GymV21Environment-v0 "
    "wraps one, too), or return (observation, info) from reset(seed=, options=) and (observation, reward, terminated, "
    "truncated, info) from step"
)
VECTOR_MODE = "hardware.gym_env_vectorize_mode"
"""The key by which a run's environments are stepped one by one or in a vector form of their own, ..."""
VECTOR_ENTRY_POINT = "vector_entry_point"
"""... its value for the latter, ..."""
SINGLE_ENVS = f"{VECTOR_MODE}=sync (or async)"
"""... and the fix where there is none."""
RIGHT_SPACE = (
    "the right observation_space in the environment, or a wrapper in env.wrappers that fits it to its space"
)
_OLD = re.compile(
    r"not enough values to unpack \(expected 5, got 4\)|too many values to unpack \(expected 2"
    r"|reset\(\) (got an unexpected keyword argument '(seed|options)'|takes no keyword arguments)"
)
"""What Gymnasium and its wrappers say around an environment of old Gym."""


class FatalEnvError(RunFailedError):
    """An environment cannot go on.

    Args:
        message: the complete message, or another such error, whose message and fields are then taken over
            (`AsyncVectorEnv` re-raises a sub-process's error as `type(error)(error)`).

    Attributes:
        env: the environment's name, with its arguments.
        trace: the original traceback as text; empty where there was no exception.
    """

    env: str = ""
    trace: str = ""

    def __init__(self, message: str | FatalEnvError) -> None:
        super().__init__(str(message))
        if isinstance(message, FatalEnvError):
            self.__dict__.update(message.__dict__)


class EnvBrokenError(FatalEnvError):
    """An environment raised again and again, without a good step in between, or breaks its own word."""

    @classmethod
    def after(cls, env: str, failures: int, error: BaseException) -> EnvBrokenError:
        """The error after `failures` failures in a row, the last of which was `error`."""
        times = "once" if failures == 1 else f"{failures} times in a row, with no good step in between"
        fix = f"\n  fix: {OLD_GYM}" if _OLD.search(str(error)) else ""
        broken = cls(f"the environment {env} failed {times}; the last error: {describe(error)}{fix}")
        broken.env = env
        broken.trace = "".join(traceback.format_exception(error))
        return broken

    @classmethod
    def misshapen(
        cls, env: str, shape: tuple[int, ...], expected: tuple[int, ...], step: int
    ) -> EnvBrokenError:
        """The error for an observation of another shape than its space says."""
        broken = cls(
            f"the environment {env} returned an observation of shape {shape}, not {expected}, at its step {step}"
            f"\n  fix: {RIGHT_SPACE}"
        )
        broken.env = env
        return broken


class MisbehavedError(EnvBrokenError):
    """An environment returned or raised what none may, and trying again would not help."""

    @classmethod
    def returned(cls, env: str, what: str, when: str, fix: str | None) -> MisbehavedError:
        """The error for `what` was returned, `when`."""
        return cls.has(env, f"returned {what} {when}", fix)

    @classmethod
    def has(cls, env: str, what: str, fix: str | None) -> MisbehavedError:
        """The error for an environment that does or has `what`."""
        error = cls(f"the environment {env} {what}" + (f"\n  fix: {fix}" if fix else ""))
        error.env = env
        return error

    @classmethod
    def raised(cls, env: str, raised: BaseException, when: str) -> MisbehavedError:
        """The error for an exception that would end the program."""
        error = cls.has(
            env,
            f"raised {describe(raised)} {when}: {type(raised).__name__} ends a program, not an episode",
            "raise a RuntimeError, or return terminated=True",
        )
        error.trace = "".join(traceback.format_exception(raised))
        return error


class NonFiniteError(FatalEnvError):
    """An environment returned NaN or infinity.

    Attributes:
        field: what held it, e.g. `obs['position'][3]` or `reward`.
        step: env step of this environment, counted from 1 over all its episodes; 0 is before the first.
        episode_step: env step in its episode, counted from 1; 0 is the reset.
    """

    field: str = ""
    step: int = 0
    episode_step: int = 0

    @classmethod
    def found(cls, env: str, field: str, value: float, step: int, episode_step: int) -> NonFiniteError:
        """The error for `value` found in `field`."""
        when = f"at its step {step} (step {episode_step} of the episode)" if episode_step else "on reset"
        error = cls(
            f"the environment {env} returned {value} in {field} {when}"
            "\n  fix: a finite number there, or a wrapper in env.wrappers that replaces it"
        )
        error.env, error.field, error.step, error.episode_step = env, field, step, episode_step
        return error


def describe(error: BaseException) -> str:
    """One line: the error's type, its message where it has one, and where it was raised."""
    text = type(error).__name__
    message = " ".join(str(error).split())
    text += f": {message}" if message else " (it has no message)"
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        text += f" ({Path(frames[-1].filename).name}:{frames[-1].lineno}, in {frames[-1].name})"
    return text


def fatal_cause(error: BaseException | None) -> FatalEnvError | None:
    """The environment's own fatal error behind `error`, through causes, contexts and Ray's task errors."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        current = queue.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        # Ray mixes the cause's class into its task error; the plain error is its `cause`.
        inner = getattr(current, "cause", None)
        if isinstance(current, FatalEnvError) and not isinstance(inner, FatalEnvError):
            return current
        queue += [inner if isinstance(inner, BaseException) else None, current.__cause__, current.__context__]
    return None
