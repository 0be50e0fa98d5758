"""Sweeps whose points are not known yet: frozen before the first trial, and equal to composing each point."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.config.convert import to_plain
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.search.adaptive import Adaptive
from rlexp.sweep.space.search_space import Space

SMALL = ["hardware=local", "debug=tiny"]
OPTUNA = [*SMALL, "sweep=optuna"]


def frozen(*overrides: str, config_dir: Path | None = None) -> Adaptive:
    """As it is read back."""
    found = plan([*OPTUNA, *overrides], config_dir=str(config_dir) if config_dir else None)
    assert found.adaptive is not None and not found.trials
    seeds = found.settings.seeds
    plain, space = json.loads(json.dumps([found.adaptive.to_json(), found.space.plain()]))
    return Adaptive.from_json(plain, Space.of_plain(space), trials=20, seeds=seeds)


@pytest.mark.slow
def test_a_point_on_top_of_its_base_is_as_if_composed() -> None:
    adaptive = frozen(
        "algorithm=ppo,dqn",
        "evaluation=none,default",
        "algorithm.lr=tag(log,interval(1e-5,1e-2))",
        "algorithm.gamma=tag(one_minus,interval(0.9,0.999))",
        "algorithm.grad_clip=interval(0.1,10)",
        "algorithm.train_batch_size_per_learner=tag(pow2,interval(64,256))",
        "stop.env_steps=tag(int,interval(1000,2000))",
        "stop.metric={},{train/return_mean: 100}",
        "model.fcnet_hiddens=tag(zip,choice([8],[16,16]))",
        "model.fcnet_activation=tag(zip,choice(tanh,relu))",
    )
    assert len(adaptive.bases) == 4
    seen = set()
    for number, point in enumerate(itertools.islice(adaptive.space.draws(3), 10)):
        (ours,) = adaptive.trials_at(point, number)
        (composed,) = plan([*SMALL, *(f"{key}={value}" for key, value in point.items())]).trials
        assert to_plain(ours.config) == to_plain(composed.config)
        assert ours.config.choices == composed.config.choices
        assert sorted(ours.overrides) == sorted(composed.overrides)
        assert ours.varied == point and ours.name.startswith(f"{number:03d}-")
        seen.add((point["algorithm"], point["evaluation"]))
    assert len(seen) == 4, "the draws were to meet every combination"


def test_editing_a_file_after_planning_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    choice = tmp_path / "evaluation" / "mine.yaml"
    choice.write_text("defaults: [default, _self_]\nexplore: true\n")
    adaptive = frozen("evaluation=mine,none", "algorithm.lr=interval(0.001,0.01)", config_dir=tmp_path)
    choice.write_text("nonsense: [")
    (trial,) = adaptive.trials_at({"evaluation": "mine", "algorithm.lr": "0.002"}, 0)
    assert trial.config.evaluation.explore and trial.config.algorithm.settings["lr"] == 0.002


def test_every_point_has_its_seeds() -> None:
    adaptive = frozen("sweep.seeds=2", "seed=5", "algorithm.lr=interval(0.001,0.01)")
    one, two = adaptive.trials_at({"algorithm.lr": "0.002"}, 3)
    assert (one.name, two.name) == ("006-lr=0.002-seed=5", "007-lr=0.002-seed=6")
    assert (one.config.seed, two.config.seed) == (5, 6)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["algorithm.gamma=interval(0.9,2)"], "algorithm.gamma=2"),
        (["algorithm.lr=0.1,fast"], "algorithm.lr=fast"),
        (["algorithm=ppo,dqn", "algorithm.clip_param=interval(0.1,0.3)"], "algorithm=dqn"),
        (["env=" + ",".join(["cartpole", "acrobot"] * 10), "algorithm=" + ",".join(["ppo"] * 11)], "220"),
        (["env.apply_task=attributes,reset_options"], "sweep=random"),
        ([], "nothing to search"),
        (["sweep.scheduler.name=pbt", "algorithm.lr=interval(0.1,0.2)"], "sweep.search=random"),
        (["sweep.trials=0"], "number of draws"),
        (
            ["stop.env_steps=null", "sweep.scheduler.name=asha", "algorithm.lr=interval(0.1,0.2)"],
            "stop.env_steps",
        ),
        (["sweep.metric=eval/retrun_mean", "algorithm.lr=interval(0.1,0.2)"], "did you mean: eval/return"),
    ],
)
def test_what_is_wrong_at_an_end_is_told_before_anything_starts(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan([*OPTUNA, *overrides])
    assert message in str(caught.value)


def test_a_point_that_is_refused_although_the_ends_were_not_is_told() -> None:
    adaptive = frozen("algorithm.lr=interval(0.1,0.2)")
    with pytest.raises(ConfigError, match="in hardware=local .*algorithm.lr=fast"):
        adaptive.trials_at({"algorithm.lr": "fast"}, 0)


def test_a_damaged_file_is_told() -> None:
    whole = frozen("algorithm.lr=interval(0.1,0.2)")
    plain = whole.to_json()
    for key in plain:
        with pytest.raises(ConfigError, match="damaged"):
            Adaptive.from_json({**plain, key: None}, whole.space, trials=20, seeds=1)
