"""A lab's class that derives from one of RLlib's uses hardware, takes actions and logs metrics as that one does."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from hardware_configs import run_config

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import class_name, kind_of
from rlexp.environment.action_spaces import check_action_space
from rlexp.hardware.demand import processes_of, total_resources
from rlexp.hardware.ray_session.session import needs_ray
from rlexp.metrics.known_metrics import known_metrics

SOURCE = """
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.impala import IMPALAConfig

class OurDQN(DQNConfig):
    pass

class Deeper(OurDQN):
    pass

class OurAsync(IMPALAConfig):
    pass
"""


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kinds_lab.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_derived_classes_are_of_the_kind_of_rllib_s() -> None:
    before = set(sys.modules)
    assert kind_of("kinds_lab.Deeper") == "off_policy"
    assert kind_of("kinds_lab:OurAsync") == "async"
    assert class_name("kinds_lab.Deeper") == "DQNConfig"
    assert class_name("nowhere.Deeper") == "Deeper" and class_name("dqn") == "DQNConfig"
    assert "kinds_lab" not in set(sys.modules) - before, "read, not imported"


def test_derived_classes_share_rllib_s_defaults() -> None:
    config = run_config("kinds_lab.OurAsync", num_env_runners=None, num_learners=None)
    assert total_resources(processes_of(config))["CPU"] == 1 + 2 + 1


def test_an_algorithm_class_of_the_lab_is_given_ray() -> None:
    class Algorithm:
        """Not one of RLlib's."""

    assert needs_ray(run_config("kinds_lab.Deeper"), Algorithm)
    from ray.rllib.algorithms.dqn import DQN

    assert not needs_ray(run_config("kinds_lab.Deeper"), DQN)


def test_derived_classes_take_the_same_actions() -> None:
    with pytest.raises(ConfigError, match="Deeper cannot act in Box") as caught:
        check_action_space("kinds_lab.Deeper", gymnasium.spaces.Box(-1, 1, (2,), np.float32))
    assert "algorithm=sac" in caught.value.suggestions


def test_derived_classes_log_the_same_metrics() -> None:
    config = replace(run_config("kinds_lab.Deeper"), metrics={})
    known_metrics(config).check("learner/qf_mean", "stop.metric")
    with pytest.raises(ConfigError):
        known_metrics(config).check("learner/entropy", "stop.metric")
