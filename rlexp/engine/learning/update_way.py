"""Which way a learner's updates go, by formula or by autograd: decided once, logged, asked again before each update."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ray.rllib.core.learner.learner import Learner

from rlexp.engine.dense import kernels
from rlexp.engine.dense.chain import NoFormulaError
from rlexp.terminal.quiet import note

LOSS_METHODS = (
    "compute_loss_for_module",
    "compute_losses",
    "compute_gradients",
    "_update",
    "_uncompiled_update",
)
"""Of RLlib's learners: who overrides one has another loss."""

_log = logging.getLogger(__name__)


def by_formula(make: Callable[[], Any], chosen: kernels.Kernels, reasons: Mapping[str, bool]) -> Any | None:
    """What makes gradient steps by formula; None where it cannot be, and autograd makes them.

    Args:
        make: makes it, or raises NoFormulaError.
        chosen: what its layers take their products from.
        reasons: what stands in the way, and whether it does.
    """
    try:
        for reason, holds in reasons.items():
            if holds:
                raise NoFormulaError(reason)
        with kernels.using(chosen):
            steps = make()
    except NoFormulaError as error:
        note(_log, f"updates by autograd: {error}")
        return None
    note(_log, f"updates by {getattr(steps, 'description', 'formula, without autograd')}")
    return steps


def overrides_any(learner: Learner, methods: Iterable[str]) -> bool:
    """True if a subclass, or the object itself, has another of these than the class that has `steps_by_formula`."""
    owner = next(cls for cls in type(learner).__mro__ if "steps_by_formula" in vars(cls))
    return any(
        hasattr(owner, name)
        and (name in vars(learner) or getattr(type(learner), name) is not getattr(owner, name))
        for name in methods
    )
