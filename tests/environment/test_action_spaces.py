from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import ALGORITHMS
from rlexp.environment.action_spaces import check_action_space

DISCRETE, BOX = spaces.Discrete(3), spaces.Box(-1, 1, (2,), np.float32)
MULTI = spaces.MultiDiscrete([2, 3])
WHOLE = spaces.Box(0, 5, (2,), np.int64)
ON_POLICY = {"ppo", "appo", "impala", "bc", "marwil"}


def fitting(space: spaces.Space) -> set[str]:
    names = set()
    for path in [row.path for row in ALGORITHMS.values()]:
        try:
            check_action_space(path, space)
        except ConfigError:
            continue
        names.add(path.rsplit(".", 2)[1])
    return names


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (DISCRETE, ON_POLICY | {"dqn", "sac", "dreamerv3"}),
        (BOX, ON_POLICY | {"sac", "tqc", "cql", "iql", "dreamerv3"}),
        (MULTI, ON_POLICY),
        (spaces.Dict({"a": DISCRETE, "b": BOX}), ON_POLICY),
        (spaces.Tuple((DISCRETE, WHOLE)), set()),
        (WHOLE, set()),
        (spaces.MultiBinary(3), set()),
    ],
)
def test_which_algorithms_fit(space: spaces.Space, expected: set[str]) -> None:
    assert fitting(space) == expected


def test_refusal_names_both_and_what_fits() -> None:
    with pytest.raises(ConfigError) as caught:
        check_action_space("ray.rllib.algorithms.dqn.DQNConfig", BOX)
    assert "DQN cannot act in Box(-1.0, 1.0, (2,), float32): it takes Discrete actions" in str(caught.value)
    assert "algorithm=sac" in caught.value.suggestions and "algorithm=dqn" not in caught.value.suggestions


@pytest.mark.parametrize(
    ("algorithm", "space", "expected"),
    [
        ("dqn.DQNConfig", BOX, ["sac", "tqc", "ppo", "appo", "impala", "dreamerv3"]),
        ("tqc.TQCConfig", DISCRETE, ["dqn", "sac", "ppo", "appo", "impala", "dreamerv3"]),
        ("cql.CQLConfig", DISCRETE, ["bc", "marwil"]),
        ("dreamerv3.DreamerV3Config", MULTI, ["ppo", "appo", "impala"]),
    ],
)
def test_what_fits_learns_from_the_same(algorithm: str, space: spaces.Space, expected: list[str]) -> None:
    """Recorded data is no more at hand because the actions are continuous."""
    with pytest.raises(ConfigError) as caught:
        check_action_space(f"ray.rllib.algorithms.{algorithm}", space)
    assert caught.value.suggestions == [f"algorithm={name}" for name in expected]
    assert caught.value.fix == f"algorithm={expected[0]}"


def test_defining_module_counts_as_the_same_class() -> None:
    with pytest.raises(ConfigError, match="DQN cannot act"):
        check_action_space("ray.rllib.algorithms.dqn.dqn.DQNConfig", BOX)


def test_own_config_class_is_accepted() -> None:
    check_action_space("my_lab.algorithms.MineConfig", spaces.MultiBinary(3))


def test_every_known_config_class_exists() -> None:
    from rlexp.config.callables.targets import locate

    for path in [row.path for row in ALGORITHMS.values()]:
        assert locate(path, ["ray.rllib"])().algo_class is not None
