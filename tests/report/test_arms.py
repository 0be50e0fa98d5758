"""Which runs repeat each other, and what an arm is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlexp.report.analysis.arms import arms_of
from rlexp.report.analysis.curves import curve_of
from rlexp.report.analysis.parameters import ABSENT, parameters_of
from rlexp.report.drawing.charts import curves
from rlexp.report.drawing.task_matrix import task_matrix
from rlexp.report.reading import Run


def made(seed: int, *overrides: str, env: str = "cartpole", lr: float = 1e-3, **rows: Any) -> Run:
    config = {"seed": seed, "algorithm": {"lr": lr, "gamma": 0.99}, "env": {"id": "X-v0"}, "name": f"r{seed}"}
    manifest = {"choices": {"env": env, "algorithm": "ppo", "tuned": f"ppo-{env}"}, "overrides": overrides}
    told = [{"env_steps": x, "m": y} for x, y in rows.get("told", ())]
    return Run(Path(f"r{seed}"), config, manifest, {}, told)


def named(*runs: Run) -> list[tuple[str, str, list[int]]]:
    return [(arm.name, arm.env, [run.seed for run in arm.runs]) for arm in arms_of(runs)]


def test_seeds_and_names_make_no_arm() -> None:
    assert named(made(1, "seed=1", "name=r1"), made(0, "seed=0")) == [("all runs", "", [0, 1])]


def test_what_was_typed_and_differs_names_the_arm() -> None:
    runs = [
        made(s, f"algorithm.lr={lr}", "algorithm.gamma=0.99", lr=lr) for lr in (0.1, 0.001) for s in (0, 1)
    ]
    assert named(*runs) == [("lr=0.1", "", [0, 1]), ("lr=0.001", "", [0, 1])]


def test_what_differs_without_being_typed_makes_an_arm_too() -> None:
    assert named(made(0, lr=0.1), made(1, lr=0.2)) == [("lr=0.1", "", [0]), ("lr=0.2", "", [1])]


def test_values_that_look_alike_when_shortened_are_told_in_full() -> None:
    found = named(made(0, lr=0.1), made(1, lr=0.1000000001))
    assert found == [("lr=0.1", "", [0]), ("lr=0.1000000001", "", [1])]


def test_what_follows_from_another_choice_is_not_told() -> None:
    """Another environment brings other tuned values; only the environment was chosen."""
    assert named(made(0, env="cartpole"), made(0, env="acrobot")) == [
        ("env=cartpole", "", [0]),
        ("env=acrobot", "", [0]),
    ]


def test_environments_stand_apart_where_something_else_differs_too() -> None:
    runs = [made(0, f"algorithm.lr={lr}", env=env, lr=lr) for lr in (0.1, 0.2) for env in ("a", "b")]
    assert [(name, env) for name, env, _ in named(*runs)] == [
        ("lr=0.1", "a"), ("lr=0.1", "b"), ("lr=0.2", "a"), ("lr=0.2", "b"),
    ]  # fmt: skip


def test_what_one_run_had_typed_another_has_from_its_experiment() -> None:
    typed, by_experiment = made(0, "stop.env_steps=50000"), made(0)
    typed.config["stop"], by_experiment.config["stop"] = {"env_steps": 50000}, {"env_steps": 20000}  # type: ignore[index]
    assert named(typed, by_experiment) == [("env_steps=50000", "", [0]), ("env_steps=20000", "", [0])]


def test_a_key_that_a_run_does_not_have_has_no_value_in_its_arms_name() -> None:
    ppo, other, bare = made(0, "algorithm.clip=0.1"), made(0, lr=0.5), made(0)
    ppo.config["algorithm"]["clip"] = 0.1
    names = [name for name, _, _ in named(ppo, other, bare)]
    assert len(set(names)) == 3 and not any("None" in name for name in names)
    assert [p.values for p in parameters_of([ppo, bare])] == [[0.1, ABSENT]]


def test_an_arms_curve_is_the_middle_of_its_runs_where_all_of_them_are() -> None:
    runs = [made(s, told=[(0, 0.0), (10, 10.0 * s), (20 - s, 10.0 * s)]) for s in range(4)]
    (arm,) = arms_of(runs)
    curve = curve_of(arm, "m")
    assert curve is not None and list(curve.x) == [0, 10, 17]
    assert curve.middle[1] == np.mean([10.0, 20.0]), "the two in the middle"
    assert (curve.low <= curve.middle).all() and (curve.middle <= curve.high).all()
    assert curve_of(arm, "nothing") is None


def test_a_curve_has_points_where_runs_were_measured_and_says_how_many_were() -> None:
    runs = [made(s, told=[(0, 0.0), (10 + s, 1.0), (20, 2.0)]) for s in range(2)]
    (arm,) = arms_of(runs)
    curve = curve_of(arm, "m")
    assert curve is not None and list(curve.x) == [0, 10, 11, 20] and list(curve.measured) == [2, 1, 1, 2]
    chart = curves([arm], "m")
    assert chart is not None
    *_, middle, dots = chart.spec["layer"]
    assert [row["measured"] for row in middle["data"]["values"]][:2] == ["2 of 2 runs", "1 of 2 runs"]
    drawn = {(row["run"], row["x"], row["y"]) for row in dots["data"]["values"]}
    assert drawn == {(f"r{s}", x, y) for s in range(2) for x, y in [(0, 0.0), (10 + s, 1.0), (20, 2.0)]}


def test_a_row_of_the_matrix_has_no_holes() -> None:
    """Runs evaluate at steps of their own; each cell is the mean of those that fall into it."""
    name = "eval/success/rooms=2"
    runs = []
    for seed in (0, 1):
        run = made(seed)
        rows = [{"env_steps": 100 * at + 37 * seed, name: float(at > 5)} for at in range(1, 11)]
        runs.append(Run(run.path, run.config, run.manifest, {}, rows))
    chart = task_matrix(arms_of(runs))
    assert chart is not None
    cells = chart.spec["data"]["values"]
    assert cells[0]["from"] == 0 and cells[-1]["to"] == 1037
    assert all(one["to"] == other["from"] for one, other in zip(cells, cells[1:], strict=False))
    assert [cell["value"] for cell in cells][:4] == [0.0] * 4 and cells[-1]["value"] == 1.0
    assert {cell["task"] for cell in cells} == {"rooms=2"}
    assert task_matrix(arms_of([made(0)])) is None
