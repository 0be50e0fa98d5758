"""Optuna behind a space: points of every kind, going on after an interruption, and whether it is worth its while."""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest

from rlexp.base.errors import ConfigError
from rlexp.config.composition.override_syntax import parse
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.search.optuna_search import PointSearch
from rlexp.sweep.space.search_space import Point, Space
from rlexp.sweep.space.space_of_overrides import space_of

WIDE = (
    "lr=tag(log,interval(1e-6,1e-1))",
    "gamma=tag(one_minus,interval(0.8,0.9999))",
    "epochs=tag(int,interval(1,30))",
    "batch=tag(pow2,interval(16,4096))",
    "clip=interval(0.05,0.6)",
    "net=tag(zip,choice(small,middle,large))",
    "act=tag(zip,choice(tanh,relu,silu))",
)


def space(*overrides: str) -> Space:
    return space_of([parse(text) for text in overrides])


def value(point: Point) -> float:
    """Best at 0, somewhere inside; of the sensitivities that such settings have: two matter, the rest a little."""
    return -(
        (math.log10(float(point["lr"])) + 3.5) ** 2
        + 2 * (math.log10(1 - float(point["gamma"])) + 2) ** 2
        + 0.1 * abs(math.log2(float(point["batch"])) - 8)
        + 0.01 * abs(int(point["epochs"]) - 10)
        + (float(point["clip"]) - 0.2) ** 2
        + {"small": 0.2, "middle": 0.0, "large": 0.1}[point["net"]]
    )


def search(seed: int, draws: int) -> list[float]:
    points = PointSearch(space(*WIDE), mode="max", seed=seed)
    values = []
    for draw in range(draws):
        values.append(value(points.suggest(str(draw))))
        points.observe(str(draw), values[-1])
    return values


@pytest.mark.slow
def test_optuna_beats_random_draws() -> None:
    """Best of 40 points, over ten seeds, the same for both."""
    ours = np.array([max(search(seed, 40)) for seed in range(10)])
    drawn = np.array(
        [max(value(p) for p in itertools.islice(space(*WIDE).draws(seed), 40)) for seed in range(10)]
    )
    assert np.mean(ours > drawn) >= 0.8 and np.mean(ours - drawn) > 0.1, (ours, drawn)


def test_points_are_of_the_space_and_rows_stay_together() -> None:
    points = PointSearch(space(*WIDE), mode="min", seed=0)
    for draw in range(30):
        point = points.suggest(str(draw))
        assert points.suggest(str(draw)) == point, "asked again, the same"
        points.observe(str(draw), -value(point))
        assert list(point) == ["lr", "gamma", "epochs", "batch", "clip", "net", "act"]
        assert 1e-6 <= float(point["lr"]) <= 1e-1 and 0.8 <= float(point["gamma"]) <= 0.9999
        assert 1 <= int(point["epochs"]) <= 30 and int(point["batch"]) in {2**n for n in range(4, 13)}
        assert (point["net"], point["act"]) in {("small", "tanh"), ("middle", "relu"), ("large", "silu")}


@pytest.mark.parametrize(("mode", "sign"), [("max", 1), ("min", -1)])
def test_a_search_goes_on_with_what_an_earlier_process_has_seen(mode: str, sign: int) -> None:
    one = space("lr=tag(log,interval(1e-6,1))", "batch=tag(pow2,interval(16,4096))", "net=a,b")

    def score(point: Point) -> float:
        return -sign * ((math.log10(float(point["lr"])) + 3) ** 2 + (point["net"] == "b"))

    seen = [(point, score(point)) for point in itertools.islice(one.draws(0), 40)]
    first = PointSearch(one, mode=mode, seed=1, seen=seen)
    again = PointSearch(one, mode=mode, seed=1, seen=seen)
    points = [first.suggest(str(draw)) for draw in range(20)]
    assert points == [again.suggest(str(draw)) for draw in range(20)]
    near = [abs(math.log10(float(point["lr"])) + 3) for point in points]
    assert np.median(near) < 0.75, "draws would be 1.5 away"
    assert sum(point["net"] == "a" for point in points) >= 14


def test_after_an_interruption_the_first_points_are_not_drawn_again() -> None:
    one = space("lr=tag(log,interval(1e-6,1))")
    before = PointSearch(one, mode="max", seed=0)
    seen = []
    for draw in range(3):
        seen.append((before.suggest(str(draw)), 0.5))
        before.observe(str(draw), 0.5)
    after = PointSearch(one, mode="max", seed=0, seen=seen)
    assert after.suggest("3") not in [point for point, _ in seen]


def test_trials_without_a_score_teach_nothing_and_stop_nothing() -> None:
    points = PointSearch(space("lr=interval(0,1)"), mode="max", seed=0, seen=[({"lr": "0.5"}, None)])
    for draw, score in enumerate([None, math.nan, math.inf, 1.0] * 4):
        points.suggest(str(draw))
        points.observe(str(draw), score)
    assert 0 <= float(points.suggest("last")["lr"]) <= 1


def test_without_the_package_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'rlexp\[optuna\]'"):
        plan(["hardware=local", "debug=tiny", "sweep=optuna", "algorithm.lr=interval(0.1,0.2)"])


def test_a_space_comes_back_from_json() -> None:
    assert Space.of_plain(space(*WIDE).plain()) == space(*WIDE)
