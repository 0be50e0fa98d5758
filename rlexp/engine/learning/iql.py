"""IQL (Kostrikov et al. 2022) on recorded data: RLlib's learner, with gradient steps by formula."""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.iql.torch.iql_torch_learner import IQLTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID

from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.iql_steps import IQLSteps, Settings
from rlexp.engine.learning.recorded_data import RecordedDataLearner, RecordedSteps


class FastIQLTorchLearner(RecordedDataLearner, IQLTorchLearner):
    """RLlib's learner of IQL."""

    def steps_by_formula(self, module: Any, step: GradientStep) -> RecordedSteps:
        """See `RecordedDataLearner`."""
        config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        expectile, beta = self.expectile[DEFAULT_MODULE_ID], self.temperature[DEFAULT_MODULE_ID]
        return IQLSteps(
            module, step, Settings(config.gamma, float(expectile), float(beta), bool(config.twin_q))
        )
