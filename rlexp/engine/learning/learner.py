"""What every learner of the fast path does besides its algorithm: takes rollouts, counts, keeps RLlib's state."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.rl_module.apis import SelfSupervisedLossAPI
from ray.rllib.utils.metrics import (
    DIFF_NUM_GRAD_UPDATES_VS_SAMPLER_POLICY,
    MODULE_TRAIN_BATCH_SIZE_MEAN,
    NUM_ENV_STEPS_TRAINED,
    NUM_ENV_STEPS_TRAINED_LIFETIME,
    NUM_MODULE_STEPS_TRAINED,
    NUM_MODULE_STEPS_TRAINED_LIFETIME,
    WEIGHTS_SEQ_NO,
)

from rlexp.compat.torch import without_dynamo
from rlexp.engine.dense import kernels
from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.learning import update_way
from rlexp.engine.learning.gradient_step import GradientStep, overrides
from rlexp.engine.network_functions import overwrite_activations
from rlexp.engine.rollout import Rollout

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
    from ray.rllib.core.learner.training_data import TrainingData


_LOSSES = ("loss", "loss_of", "corrected")
"""Of this package's learners."""


class FastLearner(TorchLearner, abc.ABC):
    """A torch learner of one module that takes rollouts as well as RLlib's own training data.

    Put it before RLlib's learner class: `class FastX(FastLearner, XTorchLearner)`.
    """

    gradient_step: GradientStep
    steps_trained = 0
    """Env steps, over all gradient steps of this object's life."""

    @abc.abstractmethod
    def update_from_rollouts(self, rollouts: list[Rollout], **kwargs: Any) -> None:
        """One call of `update`, between the hooks around it, on non-empty rollouts; logs to `self.metrics`.

        Args:
            rollouts: the experience.
            kwargs: `num_epochs`, `minibatch_size` and so on, as RLlib's `update` has them.
        """

    def build(self) -> None:
        """As RLlib's; then the optimisers are there."""
        super().build()
        overwrite_activations(self.module[DEFAULT_MODULE_ID].unwrapped())
        self.gradient_step = GradientStep(self)
        self._kernels = kernels.kernels_of(self.config)

    def keeps_rllibs_loss(self, stock: type[TorchLearner]) -> bool:
        """True if a gradient step must go through RLlib's own `_update`.

        It must where a subclass of `stock`'s fast form overrides a loss method, the module has a loss of its own, or
        the entire update is compiled.
        """
        return (
            any(overrides(self, stock, method) for method in update_way.LOSS_METHODS)
            or isinstance(self.module[DEFAULT_MODULE_ID].unwrapped(), SelfSupervisedLossAPI)
            or self._torch_compile_complete_update
        )

    def steps_by_formula(self) -> Any:
        """Gradient steps without autograd.

        Raises:
            NoFormulaError: the module or a setting has no gradient by formula.
        """
        raise NoFormulaError(f"{type(self).__name__}'s loss has no gradient by formula")

    def formula(self, losses_are_rllibs: bool) -> Any:
        """Those steps, None where they cannot be taken; the log says which way the updates go, and why."""
        reasons = {
            "the loss or the module is not RLlib's own": not losses_are_rllibs or self.has_newer_loss(),
            "the gradients are scaled for mixed precision": self._grad_scalers is not None,
        }
        return update_way.by_formula(self.steps_by_formula, self._kernels, reasons)

    def has_newer_loss(self) -> bool:
        """True if a subclass, or the object itself, has another loss than the class that has the formula."""
        return update_way.overrides_any(self, _LOSSES)

    def update(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """RLlib's update; its own path unless the episodes given are rollouts.

        Returns:
            RLlib's reduced metrics, with the keys of its own path; None for `_no_metrics_reduce=True`.
        """
        rollouts = _rollouts(kwargs.get("training_data"), kwargs.get("episodes"))
        if not rollouts:
            return super().update(*args, **kwargs)
        self._check_is_built()
        timesteps = kwargs.pop("timesteps", None) or {}
        reduce = not kwargs.pop("_no_metrics_reduce", False)
        for taken in ("training_data", "episodes"):
            kwargs.pop(taken, None)
        self.before_gradient_based_update(timesteps=timesteps)
        self._weights_seq_no += 1
        filled = [rollout for rollout in rollouts if len(rollout)]
        if filled and self.should_module_be_updated(DEFAULT_MODULE_ID):
            self.update_from_rollouts(filled, **kwargs)
            self._kernels.settle()
        self.after_gradient_based_update(timesteps=timesteps)
        return self.metrics.reduce() if reduce else None

    def count(self, module_steps: Sequence[int], env_steps: int) -> None:
        """Log what the minibatches of one update were trained on, under RLlib's names.

        Args:
            module_steps: steps in each minibatch.
            env_steps: steps in the batch, which RLlib counts once a minibatch.
        """
        if not module_steps:
            return
        log, total, seen = self.metrics.log_value, sum(module_steps), env_steps * len(module_steps)
        for module in (DEFAULT_MODULE_ID, ALL_MODULES):
            throughput = {"with_throughput": True} if module == ALL_MODULES else {}
            log((module, NUM_MODULE_STEPS_TRAINED), total, reduce="sum", **throughput)
            log(
                (module, NUM_MODULE_STEPS_TRAINED_LIFETIME),
                total,
                reduce="lifetime_sum",
                with_throughput=True,
            )
        mean = total / len(module_steps)
        log((DEFAULT_MODULE_ID, MODULE_TRAIN_BATCH_SIZE_MEAN), mean, reduce="mean")
        log((DEFAULT_MODULE_ID, WEIGHTS_SEQ_NO), self._weights_seq_no, window=1)
        log((ALL_MODULES, NUM_ENV_STEPS_TRAINED), seen, reduce="sum", with_throughput=True)
        log((ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME), seen, reduce="lifetime_sum", with_throughput=True)
        self.steps_trained += seen
        self._metrics_all_modules_num_env_steps_trained.inc(value=seen)
        self._metrics_all_modules_num_module_steps_trained.inc(value=total)

    def count_policy_lag(self, rollouts: Sequence[Rollout]) -> None:
        """Log how many updates the weights that acted are behind, on average over the steps."""
        steps = sum(len(rollout) for rollout in rollouts)
        lag = (
            sum((self._weights_seq_no - rollout.weights_seq_no) * len(rollout) for rollout in rollouts)
            / steps
        )
        self.metrics.log_value((DEFAULT_MODULE_ID, DIFF_NUM_GRAD_UPDATES_VS_SAMPLER_POLICY), lag, window=1)

    def configure_optimizers_for_module(self, module_id: str, config: AlgorithmConfig | None = None) -> None:
        """As RLlib's, without torch's compiler, which takes seconds to load."""
        with without_dynamo():
            super().configure_optimizers_for_module(module_id=module_id, config=config)

    def _get_optimizer_state(self) -> Any:
        with without_dynamo():
            return super()._get_optimizer_state()

    def _set_optimizer_state(self, state: Mapping[str, Any]) -> None:
        with without_dynamo():
            super()._set_optimizer_state(state)


def _rollouts(training_data: TrainingData | None, episodes: Any) -> list[Rollout]:
    """The rollouts among an update's arguments; none if there is anything else."""
    if training_data is not None:
        training_data.solve_refs()
        episodes = training_data.episodes
    if not episodes or not all(isinstance(each, Rollout) for each in episodes):
        return []
    return list(episodes)
