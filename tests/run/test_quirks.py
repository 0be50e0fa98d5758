"""What RLlib gets wrong about single algorithms is put right for them and their heirs alone."""

from __future__ import annotations

import pytest
from ray.rllib.algorithms.cql import CQLConfig
from ray.rllib.algorithms.marwil import MARWILConfig

from rlexp.base.errors import ConfigError
from rlexp.run.building import rllib_fixes


class Heir(CQLConfig):
    """A lab's own."""


@pytest.mark.parametrize("config_class", [CQLConfig, Heir])
def test_cql_starts_with_a_rate_that_it_accepts(config_class: type[CQLConfig]) -> None:
    config = config_class().environment("Pendulum-v1").offline_data(input_=["recordings"])
    with pytest.raises(ValueError, match="`lr`"):
        config.copy().validate()
    rllib_fixes.put_right(config)
    assert config.lr is None


@pytest.mark.parametrize("config_class", [CQLConfig, Heir])
def test_cql_is_not_given_a_single_update(config_class: type[CQLConfig]) -> None:
    config = config_class().learners(num_learners=0)
    rllib_fixes.refuse(config.offline_data(dataset_num_iters_per_learner=2))
    with pytest.raises(ConfigError, match="single update"):
        rllib_fixes.refuse(config.offline_data(dataset_num_iters_per_learner=1))


def test_others_are_left_alone() -> None:
    config = MARWILConfig().offline_data(dataset_num_iters_per_learner=1)
    rllib_fixes.put_right(config)
    rllib_fixes.refuse(config)
    assert config.lr == MARWILConfig().lr is not None
