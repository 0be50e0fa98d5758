"""BC and MARWIL (Wang et al. 2018) on recorded data: RLlib's learner of both, with gradient steps by formula."""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.marwil.torch.marwil_torch_learner import MARWILTorchLearner
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.core import DEFAULT_MODULE_ID

from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.gradients.marwil import Weights
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.marwil_steps import BCSteps, MARWILSteps
from rlexp.engine.learning.recorded_data import RecordedDataLearner, RecordedSteps


class FastMARWILTorchLearner(RecordedDataLearner, MARWILTorchLearner):
    """RLlib's learner of BC and MARWIL."""

    def steps_by_formula(self, module: Any, step: GradientStep) -> RecordedSteps:
        """See `RecordedDataLearner`; without `beta` there is a policy alone, as in BC."""
        config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        if config.bc_logstd_coeff > 0:
            raise NoFormulaError("algorithm.bc_logstd_coeff")
        if config.burnin_len > 0:
            raise NoFormulaError("algorithm.burnin_len")
        if config.beta == 0.0:
            if isinstance(module, DefaultPPOTorchRLModule):
                raise NoFormulaError("algorithm.beta=0 leaves the value function as it is")
            return BCSteps(module, step)
        rate = config.moving_average_sqd_adv_norm_update_rate
        weights = Weights(config.beta, config.vf_coeff, rate)
        return MARWILSteps(module, step, weights, self.moving_avg_sqd_adv_norms_per_module)
