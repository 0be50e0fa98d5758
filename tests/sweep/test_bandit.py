"""PB2 on paper: a population whose scores rise by how near its step sizes are to the best one."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.tune.schedulers.pbt import _PBTTrialState

from rlexp.sweep.schedulers.pb2 import IntervalPB2
from rlexp.sweep.schedulers.population import Pb2
from rlexp.sweep.space.search_space import Interval, Space
from rlexp.sweep.trials.trial_task import VALUES

RATE = Interval("algorithm.lr", 1e-6, 1e-1, "log")
WIDTH = Interval("model.width", 16, 256, "pow2")
BEST = 1e-3


class Population:
    """Trials on paper; each round the last takes over the first, with the values that the bandit chooses."""

    def __init__(self, bandit: IntervalPB2, rates: list[float], begin: int = 0) -> None:
        self.bandit, self.time, self.scores = bandit, begin, [0.0] * len(rates)
        self.trials: list[Any] = [
            SimpleNamespace(
                experiment_tag=f"{n}", config={"trial": f"{n:03d}", VALUES: {RATE.key: rate, WIDTH.key: 64}}
            )
            for n, rate in enumerate(rates)
        ]
        self.chosen: list[dict[str, Any]] = []

    def round(self) -> None:
        self.time += 1000
        for number, trial in enumerate(self.trials):
            distance = math.log10(trial.config[VALUES][RATE.key] / BEST)
            self.scores[number] += math.exp(-(distance**2))
            result = {"env_steps": self.time, "score": self.scores[number]}
            self.bandit._save_trial_state(_PBTTrialState(trial), self.time, result, trial)
        worst, best = int(np.argmin(self.scores)), int(np.argmax(self.scores))
        config, _ = self.bandit._get_new_config(self.trials[worst], self.trials[best])
        self.trials[worst].config = {**config, "trial": self.trials[worst].config["trial"]}
        self.scores[worst] = self.scores[best]
        self.chosen.append(config[VALUES])


def bandit() -> IntervalPB2:
    built = Pb2().build("max", 100_000, Space((RATE, WIDTH)))
    assert isinstance(built, IntervalPB2)
    return built


@pytest.mark.slow
@pytest.mark.landing
@pytest.mark.filterwarnings("ignore")  # scikit-learn's, of a process at its bounds.
def test_it_finds_step_sizes_that_raise_the_score_and_keeps_to_the_space() -> None:
    np.random.seed(0)
    population = Population(bandit(), [1e-6, 1e-5, 1e-2, 1e-1])
    for _ in range(12):
        population.round()
    rates = [values[RATE.key] for values in population.chosen]
    assert all(RATE.low <= rate <= RATE.high for rate in rates)
    assert all(values[WIDTH.key] in (16, 32, 64, 128, 256) for values in population.chosen)
    assert max(population.scores) > 8, "12 at most; the best of those that it began with would come to 4.4"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_it_goes_on_with_what_it_has_seen(tmp_path: Path) -> None:
    first = bandit()
    first.remember(tmp_path / "population.json")
    population = Population(first, [1e-6, 1e-5, 1e-2, 1e-1])
    for _ in range(6):
        population.round()
    again = bandit()
    again.remember(tmp_path / "population.json")
    seen = first.data.groupby("Trial").size()
    assert again.data.groupby("Trial").size().to_dict() == seen.to_dict() and len(seen) == 4
    np.testing.assert_allclose(again.data["algorithm.lr"], first.data["algorithm.lr"][: len(again.data)])
    Population(again, [1e-6, 1e-5, 1e-2, 1e-1], begin=population.time).round()
    assert len(again.data) > len(seen)


def test_before_there_is_anything_to_learn_from_it_draws() -> None:
    population = Population(bandit(), [1e-6, 1e-5])
    population.round()
    assert population.chosen[0][RATE.key] not in (1e-6, 1e-5)


@pytest.mark.parametrize("text", ["", '{"columns": ["Tri', '{"columns": ["Trial"], "data": [["a"]]}'])
def test_what_it_has_seen_may_be_damaged(text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "population.json").write_text(text)
    again = bandit()
    again.remember(tmp_path / "population.json")
    assert again.data.empty and "begins to learn anew" in caplog.text
    Population(again, [1e-6, 1e-5]).round()
