"""What every kind of steps by formula asks of a module: RLlib's default passes, and a distribution with a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.rllib.core.distribution.torch.torch_distribution import TorchSquashedGaussian

from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.gradients.distributions import ActionDistribution, Array, maker
from rlexp.engine.network_functions import acts_as


def check_default(module: Any, default: type) -> None:
    """Nothing, if a module acts as RLlib's default one.

    Raises:
        NoFormulaError: it does not.
    """
    if not acts_as(module, default):
        raise NoFormulaError(f"{type(module).__name__} is not RLlib's default module")


def maker_of(module: Any) -> Callable[[Array], ActionDistribution]:
    """What makes the distributions that a module is trained with.

    Raises:
        NoFormulaError: they have no gradient by formula.
    """
    kind = module.get_train_action_dist_cls()
    make = maker(kind)
    if make is None:
        raise without_formula(kind)
    return make


def check_squashed(module: Any) -> None:
    """Nothing, if a module is trained with a tanh-squashed Gaussian.

    Raises:
        NoFormulaError: it is not.
    """
    kind = module.get_train_action_dist_cls()
    if kind is not TorchSquashedGaussian:
        raise without_formula(kind)


def without_formula(distribution: type) -> NoFormulaError:
    """The error of a distribution that has no gradient by formula."""
    return NoFormulaError(f"the distribution {distribution.__name__} has no gradient by formula")
