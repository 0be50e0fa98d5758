"""One row in the table of algorithms, and everything that depends on the algorithm knows a new one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import (
    ALGORITHMS,
    Algorithm,
    FastParts,
    Networks,
    class_name,
    is_offline,
    kind_of,
    networks_of,
    resolve,
    row_of,
    rows_of_class,
)
from rlexp.config.keys.accepted_keywords import ignored
from rlexp.config.keys.replay_settings import buffer_problems
from rlexp.config.schema import ModelChoice
from rlexp.engine.fast_path_refusals import LIMITS, fast_parts, learners_by_formula, measured_learners
from rlexp.environment.action_spaces import check_action_space
from rlexp.exploration.epsilon_greedy import EpsilonGreedy
from rlexp.hardware.demand import processes_of
from rlexp.hardware.ray_session.session import needs_ray
from rlexp.metrics.known_metrics import known_metrics
from rlexp.models.module_spec import complete_settings
from rlexp.models.observation_fit import check_fit
from rlexp.run.building.rllib_fixes import REFUSALS
from rlexp.run.compose import compose

SOURCE = """
from ray.rllib.algorithms.dqn import DQNConfig

class MadeConfig(DQNConfig):
    pass

class OursConfig(MadeConfig):
    pass
"""
PATH = "made_algorithms.MadeConfig"
NETWORKS = Networks({"fcnet_hiddens": [7]}, no_lstm="its state is lost", image_shape=(8, 8, 1))
ROW = Algorithm(
    PATH,
    "async",
    action_spaces=("MultiDiscrete",),
    networks=NETWORKS,
    several_agents=True,
    hardware={"num_env_runners": 3},
    learner_metrics=("surprise",),
    fast=FastParts("made_algorithms.FastLearner"),
    measured=("made_algorithms.Learner", "made_algorithms.MeasuredLearner"),
    by_formula=("made_algorithms.Learner", "made_algorithms.LearnerByFormula"),
    ignored={"gamma": ("is always 1", "remove it")},
    prioritized=False,
    training={"lr": 0.5},
)


@pytest.fixture(autouse=True)
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_algorithms.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(ALGORITHMS, ROW.class_name, ROW)


def test_a_new_row_is_seen_by_all_that_read_the_table() -> None:
    config = compose(["env=cartpole"])
    config.algorithm.config_class, config.hardware.settings["num_env_runners"] = PATH, None
    assert class_name(PATH) == class_name("made") == "MadeConfig" and row_of(PATH) is ROW
    assert kind_of(PATH) == "async" and needs_ray(config)
    assert networks_of(PATH) is NETWORKS and not ROW.recurrent
    assert 3 in [share.count for share in processes_of(config)]
    assert "learner/surprise" in known_metrics(config).names and known_metrics(config).learner
    assert ignored("algorithm.gamma", class_name(PATH)) == ("is always 1", "remove it")
    assert buffer_problems({"type": "PrioritizedEpisodeReplayBuffer"}, class_name(PATH))
    check_action_space(PATH, spaces.MultiDiscrete([2, 2]))
    with pytest.raises(ConfigError, match="it takes MultiDiscrete actions"):
        check_action_space(PATH, spaces.Discrete(2))
    with pytest.raises(ConfigError) as refused:
        check_action_space("ray.rllib.algorithms.dqn.DQNConfig", spaces.MultiDiscrete([2, 2]))
    assert "algorithm=made" in str(refused.value)


def test_a_new_row_is_seen_by_what_reads_imported_classes() -> None:
    from rlexp.run.building.rllib_fixes import put_right

    config = resolve(PATH)()
    assert networks_of(type(config)) is NETWORKS and not is_offline(type(config))
    assert fast_parts(config) is ROW.fast
    assert measured_learners()["made_algorithms.Learner"] == "made_algorithms.MeasuredLearner"
    assert learners_by_formula()["made_algorithms.Learner"] == "made_algorithms.LearnerByFormula"
    put_right(config)
    assert config.lr == 0.5


def test_a_new_row_says_what_its_networks_read_of_the_model_group() -> None:
    image, vector = spaces.Box(0, 255, (9, 9, 3), np.uint8), spaces.Box(-1.0, 1.0, (3,))
    with pytest.raises(ConfigError, match=r"use_lstm has no effect with Made here: its state is lost"):
        check_fit(ModelChoice(settings={"use_lstm": True}), vector, PATH)
    with pytest.raises(ConfigError, match=r"Made reads images of 8x8 with 1 channels"):
        check_fit(ModelChoice(), image, PATH)
    assert complete_settings({}, networks_of(PATH), vector)["fcnet_hiddens"] == [7]
    with pytest.raises(ConfigError, match="Made has no epsilon"):
        EpsilonGreedy().check(PATH)


def test_the_table_knows_which_algorithms_train_an_lstm() -> None:
    recurrent = {row.name for row in ALGORITHMS.values() if row is not ROW and row.recurrent}
    assert recurrent == {"PPO", "APPO", "IMPALA", "MARWIL", "BC"}


def test_a_class_derived_from_one_in_the_table_counts_as_that_one_but_for_the_fast_path() -> None:
    ours = resolve("made_algorithms.OursConfig")
    assert [row.class_name for row in rows_of_class(ours)] == ["MadeConfig", "DQNConfig"]
    assert class_name("made_algorithms.OursConfig") == "MadeConfig"
    assert networks_of(ours) is NETWORKS and fast_parts(ours()) is None


def test_rows_name_only_what_there_is() -> None:
    for row in ALGORITHMS.values():
        assert set(row.quirks) <= set(REFUSALS)
        assert row.fast is None or row.fast.limits in {None, *LIMITS}
