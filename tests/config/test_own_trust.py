"""What a person types, or keeps in their own lab, is trusted without being listed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.run.compose import compose_plain

ENV = """
import gymnasium
from elsewhere_gym import Inner

class Maze(gymnasium.Env):
    pass

def make():
    return Maze()

def height(episode):
    return 0.0
"""


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "typed_gym.py").write_text(ENV)
    (tmp_path / "elsewhere_gym.py").write_text("import gymnasium\n\nclass Inner(gymnasium.Env):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("typed_gym", "elsewhere_gym"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["env=gym", "env.id=typed_gym:Maze-v0"],
        ["env=gym", "env.id=typed_gym.Maze"],
        ["env=gym", "env.id=typed_gym:make"],
        ["env.wrappers=[{_target_: typed_gym.make}]"],
        ["metrics={h: {_target_: typed_gym.height}}"],
        ["callbacks={mine: {_target_: typed_gym.make}}"],
    ],
)
def test_what_is_named_on_the_command_line_is_trusted(words: list[str]) -> None:
    trusted = compose_plain(words).plain["trusted"]
    assert "typed_gym" in trusted and set(DEFAULT_TRUSTED) <= set(trusted)


def test_what_a_named_module_only_imports_is_trusted_too() -> None:
    assert {"typed_gym", "elsewhere_gym"} <= set(rlexp.compose(["env=gym", "env.id=typed_gym.Inner"]).trusted)


def test_a_short_list_refuses_none_of_what_the_run_is_made_of() -> None:
    config = rlexp.compose(["env=gym", "env.id=typed_gym.Maze", "trusted=[typed_gym]", "exploration=off"])
    assert {"typed_gym"} <= set(config.trusted)


def test_a_plus_adds_to_the_list() -> None:
    assert rlexp.compose(["trusted=+typed_gym"]).trusted == [*DEFAULT_TRUSTED, "typed_gym"]
    assert rlexp.compose(["trusted=+a.b+c"]).trusted == [*DEFAULT_TRUSTED, "a.b", "c"]


@pytest.mark.parametrize("value", ["+", "+a-b", "+a+", "+1x"])
def test_a_plus_without_a_modules_name_is_refused(value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        rlexp.compose([f"trusted={value}"])
    assert refusal.value.key == "trusted" and "trusted=+my_package" in str(refusal.value)


def test_nothing_is_imported_to_see_whose_it_is() -> None:
    rlexp.compose(["env=gym", "env.id=typed_gym.Maze"])
    assert "typed_gym" not in sys.modules


def test_what_can_run_anything_is_refused_all_the_same() -> None:
    with pytest.raises(ConfigError, match="can load or run anything"):
        rlexp.compose(["env=gym", "env.id=os.system"])


def test_a_sweep_over_environments_of_several_packages_trusts_each(tmp_path: Path) -> None:
    from rlexp.sweep.planning.plan import plan

    words = ["env=gym", "env.id=typed_gym.Maze,elsewhere_gym.Inner", "stop.env_steps=100", "tracking=none"]
    trials = plan([*words, f"sweep.dir={tmp_path}"]).trials
    for trial, package in zip(trials, ("typed_gym", "elsewhere_gym"), strict=True):
        assert package in trial.config.trusted
