"""From overrides to trials: names, the group `sweep`, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.sweep.planning.plan import plan

SMALL = ["hardware=local", "debug=tiny"]


@pytest.mark.parametrize("words", [[], ["env=cartpole"], ["sweep=random", "sweep.trials=3"]])
def test_what_makes_one_trial_is_no_sweep_from_python_either(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="nothing to sweep"):
        rlexp.multirun([*SMALL, "tracking=none", *words])
    assert not list(tmp_path.iterdir())


def test_trials_are_named_by_number_and_what_differs() -> None:
    found = plan([*SMALL, "algorithm.lr=0.1,0.01", "seed=0,1"])
    assert [trial.name for trial in found.trials] == [
        "000-lr=0.1-seed=0", "001-lr=0.1-seed=1", "002-lr=0.01-seed=0", "003-lr=0.01-seed=1",
    ]  # fmt: skip
    assert found.trials[2].config.algorithm.settings["lr"] == 0.01
    assert found.trials[2].varied == {"algorithm.lr": "0.01", "seed": "0"}
    assert "algorithm.lr=0.01" in found.trials[2].overrides and "hardware=local" in found.trials[2].overrides


def test_a_random_search_draws_and_groups_are_drawn_too() -> None:
    found = plan(
        [
            *SMALL,
            "sweep=random",
            "sweep.trials=6",
            "env=cartpole,acrobot",
            "algorithm.lr=tag(log,interval(1e-4,1e-2))",
        ]
    )
    assert len(found.trials) == 6
    assert {trial.config.env.id for trial in found.trials} == {"CartPole-v1", "Acrobot-v1"}
    assert len({trial.config.algorithm.settings["lr"] for trial in found.trials}) == 6


def test_the_space_may_stand_in_a_file_of_the_group(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("conf")
    (folder / "sweep").mkdir()
    (folder / "sweep" / "mine.yaml").write_text(
        "defaults: [grid, _self_]\nspace: {algorithm.lr: '0.1,0.2', seed: range(2)}\n"
    )
    found = plan([*SMALL, "sweep=mine"], config_dir=str(folder))
    assert [trial.name for trial in found.trials][-1] == "003-lr=0.2-seed=1"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["sweep=optunaa"], "there is no such choice"),
        (["sweep.trails=3"], "did you mean: sweep.trials"),
        (["sweep.trials=3"], "as many trials as combinations"),
        (["sweep=random", "sweep.trials=0"], "number of draws"),
        (["sweep.max_failures=-1"], "at least 0"),
        (["sweep.mode=maxx"], "did you mean: max"),
        (["sweep.fail_fast=3"], "must be"),
        (["name=x"], "sweep.name"),
        (["runs_dir=x"], "sweep.dir"),
        (["algorithm.lr=interval(0,1)"], "sweep=random"),
        (["sweep.metric=eval/retrun_mean", "seed=0,1"], "did you mean: eval/return_mean"),
        (["sweep.metric=eval/return_mean", "evaluation=none,default"], "evaluation is off"),
        (["sweep.metric=custom/success_mean", "seed=0,1"], "did you mean: train/success_rate"),
        (["sweep.metric=custom/sucess_mean", "seed=0,1", "callbacks=none"], "callback that logs it"),
        (["seed=0,one"], "in hardware=local debug=tiny seed=one"),
        (["envv=cartpole,acrobot"], "envv"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan([*SMALL, *overrides])
    assert message in str(caught.value)


def test_a_metric_may_be_one_that_only_callbacks_log() -> None:
    for metric in ("custom/episode_len_mean", "train/success_rate"):
        assert plan([*SMALL, "callbacks=episode_stats", f"sweep.metric={metric}", "seed=0,1"]).count == 2
