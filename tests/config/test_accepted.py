"""What a lab's own config class takes: RLlib's keywords are refused as in the class that it derives from."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import class_name
from rlexp.config.composition.composed import Composed
from rlexp.config.convert import to_run_config
from rlexp.config.keys.accepted_keywords import accepted
from rlexp.config.schema import AlgorithmChoice
from rlexp.run.checks import check

TRUSTED = ("lab_algorithms", "ray.rllib", "rlexp", "callbacks", "gymnasium")


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab_algorithms.py").write_text(
        textwrap.dedent(
            """
            from ray.rllib.algorithms.bc import BCConfig
            from ray.rllib.algorithms.dqn import DQNConfig

            class Rainbow(DQNConfig):
                def training(self, *, drive: float = 0.0, **kwargs):
                    return super().training(**kwargs)

            class Deeper(Rainbow):
                pass

            class Noisy(Rainbow):
                def training(self, *, noisy: bool = False, **kwargs):
                    return super().training(**kwargs)

            class Copycat(BCConfig):
                pass

            def hidden():
                return DQNConfig

            class Made(hidden()):
                pass
            """
        )
    )
    monkeypatch.syspath_prepend(str(tmp_path))


def taken(name: str) -> Any:
    return accepted(AlgorithmChoice, f"lab_algorithms.{name}", TRUSTED)


def mine(name: str, **settings: Any) -> dict[str, Any]:
    return {
        "algorithm": {"config_class": f"lab_algorithms:{name}", **settings},
        "trusted": list(TRUSTED),
    }


@pytest.mark.parametrize("name", ["Rainbow", "Deeper"])
def test_what_dqn_ignores_its_heirs_ignore(name: str) -> None:
    dqn = accepted(AlgorithmChoice, "ray.rllib.algorithms.dqn.DQNConfig")
    assert "noisy" in dqn.refused and taken(name).refused == dqn.refused
    assert set(taken(name).keywords) == {"drive", *dqn.keywords}
    assert "lab_algorithms" not in sys.modules, "imported"


def test_a_class_made_at_run_time_too() -> None:
    assert "hiddens" in taken("Made").refused and "epsilon" in taken("Made").keywords


def test_settings_reach_a_class_made_at_run_time(plain: dict[str, Any]) -> None:
    from lab_algorithms import Made

    from rlexp.run.building.algorithm_config import apply

    config = to_run_config(plain | mine("Made", lr=0.25), {})
    built = Made()
    apply(built, config.algorithm, config)
    assert built.lr == 0.25


def test_what_the_lab_declares_itself_has_an_effect() -> None:
    assert "noisy" in taken("Noisy").keywords and "hiddens" in taken("Noisy").refused


def test_rllib_s_own_classes_stand_for_themselves() -> None:
    assert class_name("ray.rllib.algorithms.cql.CQLConfig") == "CQLConfig"
    assert class_name("lab_algorithms:Deeper", TRUSTED) == "DQNConfig"
    sac = accepted(AlgorithmChoice, "ray.rllib.algorithms.sac.SACConfig")
    assert "n_step" in sac.keywords, "refused of CQL alone, which derives from it"


def test_an_offline_algorithm_of_the_lab_asks_for_data(plain: dict[str, Any]) -> None:
    exploration = {"_target_": "rlexp.exploration.default.Default"}
    with pytest.raises(ConfigError, match="Copycat learns from recorded data, and there is none"):
        check(Composed(plain | mine("Copycat") | {"exploration": exploration}, {}))
