"""Checks what an environment returns: harmless oddities are put right for RLlib and noted.

What cannot be meant (no reward, text for "done", another shape) ends the run, with the step and a way out. It imports
Gymnasium.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from rlexp.environment.env_errors import OLD_GYM, RIGHT_SPACE, MisbehavedError, NonFiniteError
from rlexp.environment.guards.box_checks import BoxCheck, FiniteCheck
from rlexp.environment.guards.notices import Notices

_INTEGERS = frozenset({int, np.int64, np.int32, np.int8, np.uint8, np.int16, np.uint16, np.uint32, np.uint64})
_NUMBERS = frozenset({float, int, np.float64, np.float32})
_FLAGS = frozenset({bool, np.bool_})
_CLOSELY, _SELDOM = 64, 16
"""Bounds are looked at in the first steps, and then at every so many; counts are of what was looked at."""

Leaf = tuple[tuple[Any, ...], spaces.Space]


class ReturnCheck:
    """Judges what `reset` and `step` of one environment return.

    Args:
        space: its observation space.
        name: what messages call it.
        mode: `strict`: every oddity ends the run; `warn`: harmless ones are noted; `off`: they are not looked for.
        notices: where they are noted.
        when: says at which step, for messages.
        not_finite: makes the error for a field that holds NaN or infinity; None looks for neither.
    """

    def __init__(
        self,
        space: spaces.Space,
        name: str,
        mode: str,
        notices: Notices,
        when: Callable[[], str],
        not_finite: Callable[[str, float], NonFiniteError] | None = None,
    ) -> None:
        self.name, self.mode, self.notices, self._when = name, mode, notices, when
        self._finite, self._not_finite = FiniteCheck(space), not_finite
        self._leaves = list(_leaves(space))
        self._plain = len(self._leaves) == 1 and not self._leaves[0][0]
        self._boxes = [BoxCheck(leaf) if isinstance(leaf, spaces.Box) else None for _, leaf in self._leaves]
        self._only = self._boxes[0] if self._plain else None
        self._shape: Any = self._only.shape if self._only else None
        self._dtype: Any = self._only.dtype if self._only else None
        self._bounded = mode != "off" and any(box is not None and box.bounded for box in self._boxes)
        self._looked = 0

    def observation(self, value: Any) -> Any:
        """`value`, as its space has it.

        Raises:
            MisbehavedError: it is none, or has another shape or type.
            NonFiniteError: it holds NaN or infinity, and `not_finite` was given.
        """
        closely = False
        if self._bounded:
            self._looked = looked = self._looked + 1
            closely = looked <= _CLOSELY or not looked % _SELDOM
        # An array as declared, to which nothing else applies, is what nearly every step returns.
        if (
            type(value) is np.ndarray
            and value.dtype is self._dtype
            and value.shape == self._shape
            and not closely
            and (self._not_finite is None or self._finite.all_finite(value))
        ):
            return value
        value = self._checked(value, closely)
        if self._not_finite is not None and (bad := self._finite.bad_field(value)) is not None:
            raise self._not_finite(*bad)
        return value

    def _checked(self, value: Any, closely: bool) -> Any:
        if self._only is not None:
            return self._box(self._only, value, "obs", closely)
        if self._plain:
            return self._leaf(0, value, "obs", closely)
        for number, (path, _) in enumerate(self._leaves):
            parents, leaf = self._at(value, path)
            fixed = self._leaf(number, leaf, "obs" + "".join(f"[{key!r}]" for key in path), closely)
            if fixed is not leaf:
                value = _replaced(value, path, fixed) if parents else fixed
        return value

    def reward(self, value: Any) -> float:
        """`value` as one number.

        Raises:
            MisbehavedError: it is none.
        """
        if type(value) in _NUMBERS:
            return float(value)
        if isinstance(value, str) or value is None or np.size(value) != 1:
            many = isinstance(value, (np.ndarray, list, tuple)) and np.size(value) > 1
            raise self._refused(f"{shown(value)} as reward", _weighted(np.size(value)) if many else FLOAT)
        try:
            return float(np.asarray(value).reshape(()))
        except (TypeError, ValueError):
            raise self._refused(f"{shown(value)} as reward", FLOAT) from None

    def flag(self, value: Any, which: str) -> bool:
        """`value` of `terminated` or `truncated` as true or false.

        Raises:
            MisbehavedError: it is neither.
        """
        if type(value) in _FLAGS or (isinstance(value, (int, np.integer)) and value in (0, 1)):
            return bool(value)
        if isinstance(value, (np.ndarray, list, tuple)) and np.size(value) == 1:
            inner = np.asarray(value).reshape(())[()]
            if inner in (0, 1):
                self._note(
                    which, f"{shown(value)} as {which}: taken as {bool(inner)}", f"return bool({which})"
                )
                return bool(inner)
        fix = f"{which} must be True or False: return bool(...)"
        raise self._refused(f"{shown(value)} as {which}", fix)

    def info(self, value: Any, which: str = "info") -> dict[Any, Any]:
        """`value` as a dict."""
        if isinstance(value, dict):
            return value
        self._note("info", f"{shown(value)} as {which}: taken as an empty dict", "return {} there")
        return {}

    def values(self, result: Any, source: str, names: str) -> tuple[Any, ...]:
        """The values of `reset` (2) or `step` (5).

        Raises:
            MisbehavedError: there are more or fewer.
        """
        wanted = names.count(",") + 1
        if isinstance(result, (tuple, list)) and len(result) == wanted:
            return tuple(result)
        got = f"{len(result)} values" if isinstance(result, tuple) else f"a single {type(result).__name__}"
        raise self._refused(f"{got} from {source}, not {wanted} ({names})", OLD_GYM)

    def _at(self, value: Any, path: tuple[Any, ...]) -> tuple[bool, Any]:
        try:
            for key in path:
                value = value[key]
        except (KeyError, IndexError, TypeError):
            where = "obs" + "".join(f"[{key!r}]" for key in path)
            raise self._refused(
                f"an observation without {where}", "all fields of observation_space"
            ) from None
        return bool(path), value

    def _leaf(self, number: int, value: Any, where: str, closely: bool) -> Any:
        space, box = self._leaves[number][1], self._boxes[number]
        if box is not None:
            return self._box(box, value, where, closely)
        if isinstance(space, spaces.Discrete):
            return value if type(value) in _INTEGERS else self._discrete(space, value, where)
        if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)) and np.shape(value) != space.shape:
            raise self._misshapen(where, value, space)
        return value

    def _box(self, box: BoxCheck, value: Any, where: str, closely: bool) -> Any:
        if type(value) is not np.ndarray or value.dtype != box.dtype or value.shape != box.shape:
            value = self._array(box.space, value, where)
        if closely and box.bounded and (outside := box.outside(value)):
            self._note(
                f"{where} bounds", f"{where}{outside}, taken as it is", "np.clip(...) in the environment"
            )
        return value

    def _array(self, space: spaces.Box, value: Any, where: str) -> Any:
        if value is None or isinstance(value, (str, dict)):
            raise self._refused(f"{shown(value)} as {where}", f"an array of shape {space.shape}")
        try:
            array = np.asarray(value)
        except ValueError:
            raise self._refused(f"{shown(value)} as {where}", f"an array of shape {space.shape}") from None
        if array.shape != space.shape:
            raise self._misshapen(where, array, space)
        if not np.can_cast(array.dtype, space.dtype, casting="same_kind"):
            fix = f"observations of {space.dtype}, or that type in the observation_space"
            raise self._refused(f"{where} of type {array.dtype}, not {space.dtype}", fix)
        odd = not isinstance(value, (np.ndarray, np.generic)) or array.dtype.kind != space.dtype.kind
        if odd and space.shape:
            what = type(value).__name__ if not isinstance(value, np.ndarray) else f"an array of {array.dtype}"
            fix = f"np.asarray(..., np.{space.dtype}) in the environment"
            self._note(f"{where} type", f"{what} as {where}: taken as {space.dtype}", fix)
        return array.astype(space.dtype)

    def _discrete(self, space: spaces.Discrete, value: Any, where: str) -> Any:
        number: Any = None
        if not isinstance(value, str) and value is not None and np.size(value) == 1:
            number = np.asarray(value).reshape(())[()]
        if not isinstance(number, (int, float, np.integer, np.floating)) or number != int(number):
            raise self._refused(f"{shown(value)} as {where}, not one of {space}", "an int")
        if isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind in "iu":
            return np.int64(number)
        self._note(f"{where} type", f"{shown(value)} as {where}: taken as {int(number)}", "return int(...)")
        return np.int64(number)

    def _note(self, kind: str, what: str, fix: str) -> None:
        if self.mode == "strict":
            raise self._refused(what, f"{fix}, or env.check=warn")
        if self.mode == "warn":
            text = f"the environment {self.name} returned {what} ({self._when()}; {fix})"
            self.notices.add(kind, text)

    def _misshapen(self, where: str, value: Any, space: spaces.Space) -> MisbehavedError:
        what = "an observation" if where == "obs" else where
        return self._refused(f"{what} of shape {np.shape(value)}, not {space.shape},", RIGHT_SPACE)

    def _refused(self, what: str, fix: str) -> MisbehavedError:
        return MisbehavedError.returned(self.name, what, self._when(), fix)


FLOAT = "a reward must be one number: return float(reward)"


def _weighted(number: int) -> str:
    """What makes one reward of several."""
    weights = "[" + ", ".join(["1"] * number) + "]"
    wrapper = f"{{_target_: envs.wrappers.WeightedReward, weights: {weights}}}"
    return f"'env.wrappers=[{wrapper}]', with a weight for each; a reward must be one number"


def _leaves(space: spaces.Space, path: tuple[Any, ...] = ()) -> Iterator[Leaf]:
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for position, inner in enumerate(space.spaces):
            yield from _leaves(inner, (*path, position))
    else:
        yield path, space


def _replaced(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    """`value` with another leaf; the environment's own object is not changed."""
    if not path:
        return leaf
    key, *rest = path
    if isinstance(value, dict):
        return {**value, key: _replaced(value[key], tuple(rest), leaf)}
    return tuple(_replaced(v, tuple(rest), leaf) if i == key else v for i, v in enumerate(value))


def shown(value: Any) -> str:
    """A value as messages show it: on one line, and not for ever."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def spaces_of(env: gymnasium.Env, name: str) -> tuple[spaces.Space, spaces.Space]:
    """The observation and action space of an environment.

    Raises:
        MisbehavedError: it has none, or they are no spaces of Gymnasium's.
    """
    both = []
    for which in ("observation_space", "action_space"):
        space = getattr(env, which, None)
        if not isinstance(space, spaces.Space):
            has = (
                "has no" if space is None else f"has a {type(space).__module__}.{type(space).__name__} as its"
            )
            raise MisbehavedError.has(
                name, f"{has} {which}", f"self.{which} = gymnasium.spaces... in __init__"
            )
        both.append(space)
    return both[0], both[1]
