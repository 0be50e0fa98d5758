"""Callbacks written for RLlib's old API stack: what they can no longer do is said with their name and a way out.

Hooks are looked at before the start (`check_hooks`); what they use shows only once they are called (`named_hooks`).
Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import functools
import inspect
import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import ray
from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.base.errors import ConfigError
from rlexp.environment.env_errors import FatalEnvError
from rlexp.run.building.old_callback_names import ATTRIBUTES, KEYS

_OF_THE_DRIVER = ("algorithm", "metrics_logger")
_OF_A_RUNNER = ("env_runner", "metrics_logger")
_OF_AN_EPISODE = ("episode", *_OF_A_RUNNER, "env", "rl_module", "env_index")

PASSED: dict[str, tuple[str, ...]] = {
    "on_algorithm_init": _OF_THE_DRIVER,
    "on_train_result": (*_OF_THE_DRIVER, "result"),
    "on_evaluate_start": _OF_THE_DRIVER,
    "on_evaluate_end": (*_OF_THE_DRIVER, "evaluation_metrics"),
    "on_evaluate_offline_start": _OF_THE_DRIVER,
    "on_evaluate_offline_end": (*_OF_THE_DRIVER, "evaluation_metrics"),
    "on_env_runners_recreated": ("algorithm", "env_runner_group", "env_runner_indices", "is_evaluation"),
    "on_workers_recreated": ("algorithm", "worker_set", "worker_ids", "is_evaluation"),
    "on_offline_eval_runners_recreated": ("algorithm", "env_runner_group", "env_runner_indices"),
    "on_checkpoint_loaded": ("algorithm",),
    "on_environment_created": (*_OF_A_RUNNER, "env", "env_context"),
    "on_episode_created": _OF_AN_EPISODE,
    "on_episode_start": _OF_AN_EPISODE,
    "on_episode_step": _OF_AN_EPISODE,
    "on_episode_end": (*_OF_AN_EPISODE, "prev_episode_chunks"),
    "on_sample_end": (*_OF_A_RUNNER, "samples"),
}
"""Keyword arguments that each hook of RLlib is called with; its own signatures have more, which never come."""

NEVER_CALLED = {
    "on_sub_environment_created": "on_environment_created, whose env.envs are the sub-environments",
    "on_postprocess_trajectory": "on_sample_end, whose samples may be changed, or a learner connector",
    "on_create_policy": "on_algorithm_init, where algorithm.get_module() is the network",
    "on_learn_on_batch": "on_sample_end, whose samples may be changed, or a learner connector",
    "on_trainer_init": "on_algorithm_init",
}
"""Hooks of the old API stack, and what is called in their place."""

_RAY = str(Path(ray.__file__).parent)
_DEPRECATED = re.compile(r"`(?P<old>.+?)` has been deprecated\. ?(?P<help>.*)", re.DOTALL)


class OldCallbackError(FatalEnvError):
    """A callback used what RLlib no longer has.

    Of the environment's fatal errors, since these are what an env runner in another process brings to the driver,
    where RLlib would make it anew a thousand times.
    """


def check_hooks(key: str, callback: Any) -> None:
    """Looks at the hooks that a callback defines.

    Args:
        key: where it stands in the config, e.g. `callbacks.mine`.
        callback: an instance.

    Raises:
        ConfigError: RLlib never calls one, or one cannot take what it is called with.
    """
    name = f"{type(callback).__module__}.{type(callback).__qualname__}"
    if not isinstance(callback, RLlibCallback):
        raise ConfigError(
            f"{key}: {name} is no callback of RLlib",
            key=key,
            fix="a subclass of ray.rllib.callbacks.callbacks.RLlibCallback or of rlexp.engine.run_callback.RunCallback",
        )
    for hook, instead in NEVER_CALLED.items():
        if _defines(callback, hook):
            raise ConfigError(
                f"{key}: {name}.{hook} is never called: it is of RLlib's old API stack", key=key, fix=instead
            )
    for hook, passed in PASSED.items():
        if _defines(callback, hook) and (problem := _misfit(getattr(callback, hook), passed)) is not None:
            raise ConfigError(
                f"{key}: {name}.{hook} cannot take what RLlib calls it with: {problem}",
                key=key,
                fix=f"def {hook}(self, *, {', '.join(passed)}, **kwargs)",
            )


def named_hooks(make: Callable[..., Any], key: str, /, **arguments: Any) -> Any:
    """A callback whose hooks raise `OldCallbackError` where they use what RLlib no longer has.

    Args:
        make: its class, or a function that makes it.
        key: where it stands in the config.
        arguments: of `make`.
    """
    callback = make(**arguments)
    for hook in PASSED:
        if _defines(callback, hook):
            setattr(callback, hook, _named(getattr(callback, hook), hook, key))
    return callback


def _named(method: Callable[..., Any], hook: str, key: str) -> Callable[..., Any]:
    owner = type(getattr(method, "__self__", method))

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if (instead := _instead_of(error)) is None:
                raise
            name = f"{owner.__module__}.{owner.__qualname__}.{hook}"
            what = f"{type(error).__name__}: {error} ({_line_of(error)})"
            raise OldCallbackError(
                f"{key}: {name} uses what RLlib no longer has: {what}\n  fix: {instead}"
            ) from error

    return call


def _line_of(error: Exception) -> str:
    """The last line that is not RLlib's own: the one to change."""
    frames = traceback.extract_tb(error.__traceback__)
    last = next(frame for frame in reversed(frames) if not frame.filename.startswith(_RAY))
    return f"{Path(last.filename).name}:{last.lineno}, in {last.name}"


def _defines(callback: Any, hook: str) -> bool:
    own = getattr(type(callback), hook, None)
    return own is not None and own is not getattr(RLlibCallback, hook, None)


def _misfit(method: Callable[..., Any], passed: tuple[str, ...]) -> str | None:
    """Why `method` cannot be called with these keyword arguments; None where it can."""
    try:
        inspect.signature(method).bind(**dict.fromkeys(passed))
    except TypeError as error:
        return str(error)
    except ValueError:  # No signature to be had.
        return None
    return None


def _instead_of(error: Exception) -> str | None:
    """What to write instead, where `error` comes of an old name; None for any other error."""
    if (deprecated := _DEPRECATED.search(str(error))) is not None:
        return deprecated["help"].strip() or f"something else than {deprecated['old']}"
    if isinstance(error, AttributeError):
        return _entry(ATTRIBUTES, error.name) if _is_foreign(error.obj) else None
    return _entry(KEYS, error.args[0]) if isinstance(error, KeyError) and error.args else None


def _entry(table: Mapping[str, str], name: Any) -> str | None:
    return table.get(name) if isinstance(name, str) else None


def _is_foreign(thing: Any) -> bool:
    """Whether it is of RLlib or Gymnasium, or nothing: an old argument that never comes is `None`."""
    owner = thing
    if isinstance(thing, (FunctionType, MethodType)):  # RLlib has made methods of its deprecated properties.
        owner = None
    root = type(owner).__module__.partition(".")[0]
    return owner is None or root in ("ray", "gymnasium", "rlexp")
