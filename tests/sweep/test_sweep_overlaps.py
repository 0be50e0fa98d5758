"""Keys that a sweep's command line names more than once, and trials that would be equal."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.hardware.ray_session import import_ahead
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.multirun import plan_sweep
from rlexp.sweep.planning.plan import plan

SMALL = ["hardware=local", "debug=tiny", "evaluation=none", "tracking=none"]


def configs(*overrides: str) -> list[dict[str, object]]:
    return [trial.config.env.config for trial in plan([*SMALL, "env=point_mass", *overrides]).trials]


def test_a_key_that_is_varied_twice_is_refused_with_what_to_write() -> None:
    for twice, fix in (
        (["seed=0,1", "seed=2,3"], "'seed=0,1,2,3'"),
        (["algorithm=ppo,impala", "algorithm=dqn,ppo"], "'algorithm=ppo,impala,dqn'"),
        (["algorithm.lr=interval(0,1)", "algorithm.lr=0.1,0.2"], "one of algorithm.lr=..."),
        (["seed=tag(zip,choice(0,1))", "seed=2,3"], "'seed=0,1,2,3'"),
    ):
        with pytest.raises(ConfigError, match="is varied twice") as caught:
            plan([*SMALL, *twice])
        assert fix in str(caught.value)


def test_parts_of_one_dictionary_are_merged_as_in_a_single_run() -> None:
    found = configs("env.config={width: 2},{width: 4}", "env.config={position: 1},{position: -1}")
    single = [
        rlexp.compose(
            [
                *SMALL,
                "env=point_mass",
                f"env.config={{width: {width}}}",
                f"env.config={{position: {place}}}",
            ]
        ).env.config
        for width in (2, 4)
        for place in (1, -1)
    ]
    assert found == single and len({str(config) for config in found}) == 4
    # A part of it after the whole has the last word, and equal trials are one.
    found = configs("env.config={width: 2},{width: 4}", "env.config.width=1,3")
    assert [config["width"] for config in found] == [1, 3]


def test_one_value_after_several_is_refused_and_before_them_is_taken_over() -> None:
    for overrides in (
        ["seed=0,1", "seed=5"],
        ["env.config.width=1,2", "env.config={width: 3}"],
        ["env.config={width: 1},{width: 2}", "env.config.width=3"],
    ):
        with pytest.raises(ConfigError, match="has several values, and .* after it has one"):
            plan([*SMALL, "env=point_mass", *overrides])
    assert [trial.config.seed for trial in plan([*SMALL, "seed=5", "seed=0,1"]).trials] == [0, 1]


def test_the_command_line_has_the_last_word_over_the_space_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "mine.yaml").write_text("defaults: [grid, _self_]\nspace: {seed: '0,1,2'}\n")
    for seeds, wanted in (("seed=7", [7]), ("seed=7,8", [7, 8]), ("algorithm.lr=0.1", [0, 1, 2])):
        found = plan([*SMALL, "sweep=mine", seeds], config_dir=str(tmp_path))
        assert [trial.config.seed for trial in found.trials] == wanted


def test_equal_trials_are_left_out_with_a_line(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(import_ahead.end)  # A process that planning starts for the trials to come.
    found = plan_sweep(SweepRequest((*SMALL, "seed=1,1", "algorithm.lr=0.1,1e-1")))
    assert [trial.name for trial in found.trials] == ["000-seed=1-lr=0.1"]
    output = capsys.readouterr().out
    assert output.count("seed=1 algorithm.lr=0.1 is left out: it is there already") == 3
    same_otherwise = plan([*SMALL, "stop={iterations: 2},{iterations: 3}", "stop.iterations=4,5"])
    assert same_otherwise.left_out[0].endswith("it is the same run as stop={iterations:2} stop.iterations=4")
    found = plan_sweep(SweepRequest((*SMALL, "sweep=random", "sweep.trials=30", "seed=0,1")))
    assert len(found.trials) == 2
    assert "and 18 more" in capsys.readouterr().out
    # A population's trials become different while they train.
    population = ["sweep=pbt", "sweep.trials=3", "algorithm.lr=0.1,0.1", "stop.env_steps=90000"]
    population.append("stop.iterations=null")
    assert plan([*SMALL, *population]).count == 3


def test_the_command_in_a_sweeps_record_can_be_typed(tmp_path: Path) -> None:
    words = [
        *SMALL,
        "algorithm.lr=tag(log,interval(1e-5,1e-2))",
        "sweep=random",
        "sweep.trials=2",
        f"sweep.dir={tmp_path}",
    ]
    folder = SweepFolder.create(plan(words), "x y", ["rlexp", "-m", *words], SweepRequest(tuple(words)))
    assert shlex.split(folder.state()["command"]) == ["rlexp", "-m", *words]
