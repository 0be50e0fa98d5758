"""What a resume refuses because the saved state cannot follow: told by what differs, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.config import saved_config
from rlexp.config.convert import to_plain
from rlexp.sweep.execution.resume_changes import apply_changes
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.planning.plan import plan

SMALL = ["hardware=local", "debug=tiny", "model=mlp", "evaluation=none", "tracking=none"]


@pytest.fixture(scope="module")
def before() -> dict[str, object]:
    return to_plain(rlexp.compose(SMALL))


def refusal(before: dict[str, object], *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        saved_config.refuse_frozen(before, saved_config.with_overrides(before, overrides))
    return str(caught.value)


def test_what_differs_is_told_and_nothing_else(before: dict[str, object]) -> None:
    told = refusal(before, "model.fcnet_hiddens=[3,5]")
    assert "(model.fcnet_hiddens: " in told and "to [3, 5])" in told and "fcnet_activation" not in told
    told = refusal(
        before, "model.fcnet_hiddens=[3,5]", "model.vf_share_layers=true", "model.fcnet_activation=relu"
    )
    lines = told.splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "model.fcnet_hiddens",
        "model.fcnet_activation",
        "model.vf_share_layers",
    ]
    told = refusal(before, "model=lstm")
    assert len(told.splitlines()) <= 12 and all(len(line) < 110 for line in told.splitlines()[1:])


def test_the_same_choice_again_is_no_change() -> None:
    before = to_plain(rlexp.compose(["hardware=local", "model=mlp"]))
    for overrides in (["model=mlp"], ["env=cartpole"], ["checkpoint.from=null"]):
        saved_config.refuse_frozen(before, saved_config.with_overrides(before, overrides))


def test_a_class_whose_module_was_moved_is_no_change() -> None:
    words = ["hardware=local", "env=pendulum", "algorithm=sac", "model=plain_critics"]
    before = to_plain(rlexp.compose(words))
    before["model"]["module_class"] = "rlexp.models.plain_critics.PlainCriticsSAC"
    saved_config.refuse_frozen(before, saved_config.with_overrides(before, ["model=plain_critics"]))
    assert "model.module_class" in refusal(before, "model=plain_critics", "model.module_class=envs.a.B")


def test_weights_to_start_from_are_refused_once_a_run_has_begun(before: dict[str, object]) -> None:
    told = refusal(before, "checkpoint.from=runs/other")
    assert "goes on from its own checkpoint" in told and "start a new run" in told


def test_a_sweep_refuses_what_its_trials_could_not_follow_before_it_starts(tmp_path: Path) -> None:
    words = [*SMALL, "seed=0,1", f"sweep.dir={tmp_path}"]
    folder = SweepFolder.create(plan(words), "a", ["rlexp"], SweepRequest(tuple(words)))
    for text in ("seed=3", "model.fcnet_hiddens=[3]", "checkpoint.from=runs/other", "env=acrobot"):
        with pytest.raises(ConfigError, match="cannot change on resume"):
            apply_changes(folder, [text])
    apply_changes(folder, ["algorithm.lr=0.01", "stop.env_steps=9"])
