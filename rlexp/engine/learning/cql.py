"""CQL (Kumar et al. 2020) on recorded data: RLlib's learner, with gradient steps by formula."""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.cql.torch.cql_torch_learner import CQLTorchLearner
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.tune.result import TRAINING_ITERATION

from rlexp.engine.learning.cql_steps import CQLSteps, Settings
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.recorded_data import RecordedDataLearner, RecordedSteps


class FastCQLTorchLearner(RecordedDataLearner, CQLTorchLearner):
    """RLlib's learner of CQL."""

    def steps_by_formula(self, module: Any, step: GradientStep) -> RecordedSteps:
        """See `RecordedDataLearner`."""
        config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        settings = Settings(
            gamma=config.gamma,
            twin=bool(config.twin_q),
            deterministic_backup=bool(config.deterministic_backup),
            weight=config.min_q_weight,
            temperature=config.temperature,
            target_entropy=float(self.target_entropy[DEFAULT_MODULE_ID]),
        )
        log_alpha = self.curr_log_alpha[DEFAULT_MODULE_ID]
        return CQLSteps(module, step, log_alpha, settings, self._clones)

    def _clones(self) -> bool:
        """Counts a step, as RLlib's loss does, and says whether it is one of the first `bc_iters`."""
        key = (ALL_MODULES, TRAINING_ITERATION)
        self.metrics.log_value(key, 1, reduce="sum")
        config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        return bool(self.metrics.peek(key, default=0) < config.bc_iters)
