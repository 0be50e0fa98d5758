"""Whether an exploration strategy can be used with the algorithms that it says it fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import ALGORITHMS as TABLE
from rlexp.config.algorithms import resolve, row_of
from rlexp.testing.part import Part, describe

ALGORITHMS = tuple(row.path for row in TABLE.values())
"""Config classes that a strategy is tried with."""
METHODS = ("check", "configure")


def check_strategy(
    strategy: Callable[..., Any] | str, *, algorithms: Sequence[str | type] = ALGORITHMS, **arguments: Any
) -> None:
    """Tries an exploration strategy with several algorithms.

    Args:
        strategy: its class, or its import path.
        algorithms: RLlib config classes, or their import paths.
        arguments: as they stand beside `_target_` in the `exploration` group.

    Raises:
        AssertionError: it lacks a method, refuses an algorithm with something else than a ConfigError, refuses all, or
            makes a config that RLlib does not take.
    """
    part = Part(strategy)
    try:
        made = part.target(**arguments)
    except Exception as error:
        part.stop(f"making it raised {describe(error)}")
    for method in METHODS:
        if not callable(getattr(made, method, None)):
            part.flaw(f"it has no method {method}; write the two of rlexp.exploration.strategy.Strategy")
    if part.flaws:
        part.finish()
    taken = [algorithm for algorithm in algorithms if _takes(part, made, algorithm)]
    if not taken and not part.flaws:
        part.flaw(
            "check refuses every algorithm; let it return where configure can do what the strategy says"
        )
    for algorithm in taken:
        _configure(part, made, algorithm)
    part.finish()


def _takes(part: Part, strategy: Any, algorithm: str | type) -> bool:
    """True if `check` lets the algorithm through, which is tried with the class and with its import path."""
    resolved = resolve(algorithm)
    answers = []
    for given in (resolved, f"{resolved.__module__}.{resolved.__qualname__}"):
        try:
            strategy.check(given)
            answers.append(True)
        except ConfigError as error:
            if error.fix is None:
                part.flaw(
                    f"check({resolved.__name__}) raises a ConfigError without fix=; say what to write instead"
                )
            answers.append(False)
        except Exception as error:
            part.flaw(
                f"check({given!r}) raised {describe(error)}; raise rlexp.ConfigError where an algorithm does not fit, "
                "and take a class as well as its import path (rlexp.config.algorithms.resolve makes the class)"
            )
            return False
    if answers[0] != answers[1]:
        part.flaw(f"check answers {resolved.__name__} differently for the class and for its import path")
    return answers[0]


def _configure(part: Part, strategy: Any, algorithm: str | type) -> None:
    config = resolve(algorithm)()
    config.environment(_env_for(algorithm))
    name = type(config).__name__
    try:
        strategy.configure(config)
    except Exception as error:
        part.flaw(f"configure({name}) raised {describe(error)}; refuse the algorithm in check instead")
        return
    try:
        config.copy(copy_frozen=False).validate()
    except Exception as error:
        if not _is_valid(algorithm):
            return  # some, such as offline ones, need more than an environment
        part.flaw(
            f"RLlib refuses {name} after configure: {describe(error)}; refuse the algorithm in check, or set what fits"
        )
    once = repr(sorted(config.to_dict().items(), key=lambda item: item[0]))
    strategy.configure(config)
    if repr(sorted(config.to_dict().items(), key=lambda item: item[0])) != once:
        part.flaw(
            f"configure changes {name} further when it is called again; set values, do not add to what is there"
        )


def _env_for(algorithm: str | type) -> str:
    """An environment with actions that the algorithm takes."""
    row = row_of(algorithm)
    takes = row.action_spaces if row is not None else None
    return "CartPole-v1" if takes is None or "Discrete" in takes else "Pendulum-v1"


def _is_valid(algorithm: str | type) -> bool:
    """True if RLlib takes the algorithm's config as it comes."""
    try:
        resolve(algorithm)().environment(_env_for(algorithm)).validate()
    except Exception:
        return False
    return True
