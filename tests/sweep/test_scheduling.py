"""Schedulers' settings: what is built from them, and what is refused with a fix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlexp.base.errors import ConfigError
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.schedulers import population, scheduler_choices
from rlexp.sweep.space.search_space import Interval, Listed, Space
from rlexp.sweep.trials.trial_task import SCORE

CONF = Path(__file__).parents[2] / "conf" / "sweep"
RATES = Space((Interval("algorithm.lr", 1e-5, 1e-2, "log"),))


@pytest.mark.parametrize("name", scheduler_choices.SCHEDULERS)
def test_every_scheduler_has_a_choice_that_builds(name: str) -> None:
    plain = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    chosen = scheduler_choices.scheduler_of(plain["scheduler"])
    assert chosen.name == name
    built = chosen.build("min", 90_000, RATES)
    assert (built.metric, built._mode) == (SCORE, "min")


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"name": "asah"}, "must be one of asha"),
        ({"name": "asha", "grace": 1}, "asha has name, grace_steps"),
        ({"name": "asha", "grace_steps": "many"}, "must be an integer"),
        ({"name": "asha", "reduction_factor": 1.0}, "from 1.5"),
        ({"name": "pbt", "quantile": 0.7}, "to 0.5"),
        ({"name": "none", "grace_steps": 1}, "no effect without a scheduler"),
    ],
)
def test_bad_settings_are_refused(plain: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        scheduler_choices.scheduler_of(plain)


def test_a_budget_is_needed_and_the_same_for_all() -> None:
    asha = scheduler_choices.scheduler_of({"name": "asha"})
    assert scheduler_choices.check_budget(asha, [100, 100]) == 100
    for budgets in ([None, None], [100, 200]):
        with pytest.raises(ConfigError, match="one budget"):
            scheduler_choices.check_budget(asha, budgets)
    with pytest.raises(ConfigError, match="not below"):
        scheduler_choices.scheduler_of({"name": "asha", "grace_steps": 100}).build("max", 100, RATES)


def test_pbt_perturbs_single_values_alone() -> None:
    pbt = scheduler_choices.scheduler_of({"name": "pbt"})
    assert scheduler_choices.perturbed(pbt, RATES) == ["algorithm.lr"]
    seeds = Listed(((("seed", "0"),), (("seed", "1"),)))
    assert scheduler_choices.perturbed(pbt, Space((*RATES.dimensions, seeds))) == ["algorithm.lr"]
    with pytest.raises(ConfigError, match="nothing is"):
        scheduler_choices.perturbed(pbt, Space((seeds,)))
    models = Listed(((("model", "mlp"),), (("model", "lstm"),)))
    with pytest.raises(ConfigError, match="cannot change model"):
        scheduler_choices.perturbed(pbt, Space((models,)))


def test_pb2_chooses_from_intervals_alone() -> None:
    pb2 = scheduler_choices.scheduler_of({"name": "pb2"})
    assert scheduler_choices.perturbed(pb2, RATES) == ["algorithm.lr"]
    listed = Listed(((("algorithm.lr", "0.1"),), (("algorithm.lr", "0.2"),)))
    with pytest.raises(ConfigError, match="algorithm.lr is a list") as caught:
        scheduler_choices.perturbed(pb2, Space((listed,)))
    assert "sweep=pbt" in (caught.value.fix or "")


@pytest.mark.parametrize(
    "interval",
    [
        Interval("k", 1e-5, 1e-2, "log"),
        Interval("k", 0.9, 0.999, "one_minus"),
        Interval("k", 16, 300, "pow2"),
        Interval("k", 1, 8, None, whole=True),
        Interval("k", 0.1, 0.3),
    ],
)
def test_perturbed_values_stay_in_their_interval(interval: Interval) -> None:
    mutation = population.mutations(Space((interval,)))["k"]
    drawn = mutation if isinstance(mutation, list) else [mutation() for _ in range(50)]
    assert all(interval.low <= value * (1 + 1e-9) and value <= interval.high * (1 + 1e-9) for value in drawn)
    within = population.clip_to_intervals(Space((interval,)))
    for value in (interval.low * 0.8, interval.high * 1.2):
        kept = within({"trial": "a", "values": {"k": value}})["values"]["k"]
        assert interval.low <= kept <= interval.high
        assert isinstance(kept, int) == (interval.whole or interval.scale == "pow2")


def test_a_listed_step_size_is_a_number() -> None:
    """As YAML reads it, `1e-4` is a word: PBT would multiply it, or not know again where it stands in the list."""
    listed = Listed(((("algorithm.lr", "1e-4"),), (("algorithm.lr", "0.001"),)))
    assert population.mutations(Space((listed,))) == {"algorithm.lr": [1e-4, 1e-3]}


def test_a_space_survives_its_file() -> None:
    space = Space((*RATES.dimensions, Listed(((("a", "1"), ("b", "x")), (("a", "2"), ("b", "y"))))))
    again = Space.of_plain(yaml.safe_load(yaml.safe_dump(_lists(space.plain()))))
    assert again == space


def _lists(value: Any) -> Any:
    """As JSON has it: no tuples."""
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, (list, tuple)) else value


def test_a_plan_refuses_what_a_scheduler_cannot_do() -> None:
    base = ["env=cartpole", "sweep=pbt", "sweep.trials=2", "stop.env_steps=9000"]
    with pytest.raises(ConfigError, match="cannot change model"):
        plan([*base, "model=mlp,lstm"])
    with pytest.raises(ConfigError, match="pauses trials"):
        plan([*base, "algorithm.lr=interval(0.1,0.2)", "sweep.concurrency=1"])
    with pytest.raises(ConfigError, match="one budget"):
        plan(["env=cartpole", "sweep=asha", "algorithm.lr=interval(0.1,0.2)", "stop.env_steps=null"])
