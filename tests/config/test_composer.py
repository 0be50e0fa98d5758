"""Values that are set on a composed config give what composing anew with them gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlexp import compose
from rlexp.base.errors import ConfigError
from rlexp.config.composition.files_state import files_state
from rlexp.config.composition.hydra_app import Composer, compose_forced, hydra_app
from rlexp.config.composition.override_syntax import parse

VALUES = [
    ["++seed=3"],
    ["++algorithm.lr=0.1", "++algorithm.gamma=0.9"],
    ["++env.config={length: 3}", "++stop.metric={a/b: 1}"],
    ["++evaluation.evaluation_interval=null", "++callbacks.mine={_target_: a.B, names: [x, y]}"],
    ["++algorithm.lr=[[0,0.1],[1000,0.01]]"],
    ["++name=s${seed}-${env.id}", "++seed=7"],
]


@pytest.mark.parametrize(
    "choices", [[], ["env=acrobot", "algorithm=dqn"], ["experiment=multiroom"], ["+debug=tiny"]]
)
def test_values_on_top_are_as_composed_anew(choices: list[str]) -> None:
    with hydra_app() as app:
        composer = Composer(app)
        choices = [text.lstrip("+") for text in choices]
        for values in VALUES:
            hydras = Composer(app).compose([*choices, *values])
            assert composer.compose(choices, [parse(text) for text in values]) == hydras, values
            assert compose_forced(app, [parse(text) for text in (*values, *choices)]) == hydras, values
        assert composer.compose(choices) == Composer(app).compose(choices), "the base is as it was"


def test_only_choices_that_have_a_file_are_named() -> None:
    """Hydra lists optional ones too, and this pair has no tuned values."""
    with hydra_app() as app:
        choices = compose_forced(
            app, list(map(parse, ["env=gym", "++env.id=CliffWalking-v1", "algorithm=dqn"]))
        ).choices
        assert "tuned" not in choices and not any(group.startswith("debug/") for group in choices)
        assert compose_forced(app, []).choices["tuned"] == "ppo-cartpole"


def test_a_file_that_has_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same name, same length, at once; then a file that is new, one that is gone, and the environment."""
    monkeypatch.setenv("RLEXP_SEARCH_PATH", str(tmp_path))
    choice = tmp_path / "experiment" / "mine.yaml"
    choice.parent.mkdir()
    for value in ("0.1", "0.2", "0.3"):
        choice.write_text(f"# @package _global_\nalgorithm:\n  lr: {value}\n")
        assert compose(["experiment=mine"]).algorithm.settings["lr"] == float(value)
    (tmp_path / "experiment" / "other.yaml").write_text("# @package _global_\nseed: 7\n")
    assert compose(["experiment=other"]).seed == 7
    choice.unlink()
    with pytest.raises(ConfigError, match="there is no such choice"):
        compose(["experiment=mine"])
    monkeypatch.delenv("RLEXP_SEARCH_PATH")
    with pytest.raises(ConfigError, match="there is no such choice"):
        compose(["experiment=other"])


def test_what_was_composed_may_be_changed_without_changing_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SEED", "3")
    first = compose(["env.config={a: {b: 1}}", "seed='${oc.decode:${oc.env:SOME_SEED}}'"])
    first.env.config["a"]["b"] = 2
    first.algorithm.settings.clear()
    monkeypatch.setenv("SOME_SEED", "4")
    second = compose(["env.config={a: {b: 1}}", "seed='${oc.decode:${oc.env:SOME_SEED}}'"])
    assert (first.seed, second.seed) == (3, 4)
    assert second.env.config == {"a": {"b": 1}} and second.algorithm.settings


def test_what_is_kept_serves_the_next_test_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest writes the name of each test into the environment, and many tests have a place for keys of their own."""

    def state() -> object:
        with hydra_app() as app:
            return files_state(app)

    before = state()
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "another")
    monkeypatch.setenv("RLEXP_HOME", "elsewhere")
    assert before is not None and state() == before
    monkeypatch.setenv("SOME_SEED", "4")
    assert state() != before


def test_folders_that_cannot_be_looked_through_are_read_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to nothing, and links that go round in circles."""
    monkeypatch.setenv("RLEXP_SEARCH_PATH", str(tmp_path))
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "gone.yaml").symlink_to(tmp_path / "nowhere")
    with hydra_app() as app:
        assert files_state(app) is None
    (tmp_path / "experiment" / "gone.yaml").unlink()
    for name in ("round", "and_round"):
        (tmp_path / "experiment" / name).symlink_to(tmp_path)
    with hydra_app() as app:
        assert files_state(app) is None
    with pytest.raises(ConfigError, match="nested more than 10 deep: experiment/(and_)?round/experiment"):
        compose([])
