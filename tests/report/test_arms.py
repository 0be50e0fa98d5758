"""Which runs repeat each other, and what an arm is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlexp.report.arms import arms_of
from rlexp.report.curves import curve_of
from rlexp.report.matrix import matrix
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


def test_an_arms_curve_is_the_middle_of_its_runs_where_all_of_them_are() -> None:
    runs = [made(s, told=[(0, 0.0), (10, 10.0 * s), (20 - s, 10.0 * s)]) for s in range(4)]
    (arm,) = arms_of(runs)
    curve = curve_of(arm, "m")
    assert curve is not None and (curve.x[0], curve.x[-1]) == (0, 17)
    at_five = int(np.argmin(abs(curve.x - 5)))
    assert curve.middle[at_five] == np.mean([5.0, 10.0]) * curve.x[at_five] / 5
    assert (curve.low <= curve.middle).all() and (curve.middle <= curve.high).all()
    assert curve_of(arm, "nothing") is None


def test_a_row_of_the_matrix_has_no_holes() -> None:
    """Runs evaluate at steps of their own; each cell is the mean of those that fall into it."""
    name = "eval/success/rooms=2"
    runs = []
    for seed in (0, 1):
        run = made(seed)
        rows = [{"env_steps": 100 * at + 37 * seed, name: float(at > 5)} for at in range(1, 11)]
        runs.append(Run(run.path, run.config, run.manifest, {}, rows))
    chart = matrix(arms_of(runs))
    assert chart is not None
    cells = chart.spec["data"]["values"]
    assert cells[0]["from"] == 0 and cells[-1]["to"] == 1037
    assert all(one["to"] == other["from"] for one, other in zip(cells, cells[1:], strict=False))
    assert [cell["value"] for cell in cells][:4] == [0.0] * 4 and cells[-1]["value"] == 1.0
    assert {cell["task"] for cell in cells} == {"rooms=2"}
    assert matrix(arms_of([made(0)])) is None
