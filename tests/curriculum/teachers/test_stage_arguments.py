"""What `Stages` refuses, each with the key that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.stages import Stages
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"rooms": {"int": [1, 6]}, "wind": {"box": [0, 1]}})
CHAIN = [{"name": name, "task": {"rooms": rooms}} for name, rooms in (("two", 2), ("four", 4), ("six", 6))]


def with_stage(at: int, **fields: Any) -> dict[str, Any]:
    return {"stages": [{**stage, **(fields if at == n else {})} for n, stage in enumerate(CHAIN)]}


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"stages": []}, "stages", "at least one"),
    ({"stages": [3]}, "stages[0]", "must map"),
    ({"stages": [{"name": "a"}]}, "stages[0].task", "no task"),
    ({"stages": [CHAIN[0], CHAIN[0]]}, "stages[1].name", "two stages"),
    (with_stage(1, promot=3), "stages[1].promot", "did you mean: promote"),
    (with_stage(1, task={"rooms": 9}), "stages[1].task.rooms", "from 1 to 6"),
    (with_stage(1, task={"room": 3}), "stages[1].task", "did you mean: rooms"),
    (with_stage(0, promote=None), "stages[0].promote", "four, which comes after two, is never reached"),
    (with_stage(1, promote="sucess>0.5"), "stages[1].promote", "did you mean: success"),
    (with_stage(1, promote="success>=1.2"), "stages[1].promote", "can never be met"),
    (
        with_stage(1, promote={"when": "success>0.5 & episodes<50", "min_episodes": 60}),
        "stages[1].promote",
        "can never be met (means",
    ),
    (with_stage(1, promote={"when": "success>0.5", "threshold": 3}), "stages[1].promote", "both"),
    (with_stage(1, after=["tow"]), "stages[1].after", "did you mean: two"),
    (with_stage(1, after=["four"]), "stages", "four after four is a circle"),
    (
        {
            "stages": [
                {**CHAIN[0], "after": "six"},
                {"name": "move", "task": {"rooms": 1}},
                {**CHAIN[2], "after": "two"},
            ]
        },
        "stages",
        "circle",
    ),
    (with_stage(0, demote={}), "stages[0].demote", "no stage before"),
    (with_stage(1, demote="success<0.3 & success>0.5"), "stages[1].demote", "can never be met"),
    ({"promote": 0.8}, "promote", "must be a condition or map"),
    ({"promote": {"treshold": 0.8}}, "promote.treshold", "did you mean: threshold"),
    ({"promote": {"threshold": "high"}}, "promote.threshold", "must be a number"),
    ({"promote": {"threshold": 80, "measure": "success"}}, "promote", "can never be met"),
    ({"promote": {"measure": "eval/return_mean"}}, "promote.measure", "one of success"),
    ({"promote": {"window": 0}}, "promote.window", "at least 1"),
    ({"promote": {"min_episodes": 2.5}}, "promote.min_episodes", "whole"),
    ({"promote": {"patience": 0}}, "promote.patience", "at least 1"),
    ({"demote": {"margin": 0}}, "demote.margin", "above 0"),
    ({"demote": {"margin": 0.9}, "promote": {"measure": "success"}}, "demote", "can never be met"),
    ({"demote": {}, "promote": "steps>=1000"}, "demote", "needs the threshold of two"),
    ({"rehearsal": 1.0}, "rehearsal", "from 0 to 0.99"),
]


@pytest.mark.parametrize(
    ("arguments", "key", "told"), BAD, ids=[f"{n}-{key}" for n, (_, key, _) in enumerate(BAD)]
)
def test_a_bad_argument_is_told_with_its_key(arguments: dict[str, Any], key: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stages(SPACE, seed=0, **{"stages": CHAIN, **arguments})
    assert caught.value.key == f"curriculum.teacher.{key}" and told in str(caught.value)


REACH: list[tuple[dict[str, Any], str, str]] = [
    ({"promote": {"threshold": 80}}, "success", "promote"),
    ({"promote": {"threshold": 80}}, "progress", "promote"),
    ({"promote": "score>=80"}, "eval/success_rate", "promote"),
    (with_stage(1, promote={"threshold": 1.5}), "success", "stages[1].promote"),
    (with_stage(1, demote="score<0"), "success", "stages[1].demote"),
    ({"demote": {"margin": 0.9}}, "success", "demote"),
    ({"promote": "score<1"}, "length", "promote"),
]


@pytest.mark.parametrize(("arguments", "measure", "key"), REACH)
def test_what_the_measure_can_never_be_is_refused_and_the_fix_works(
    arguments: dict[str, Any], measure: str, key: str
) -> None:
    given = {"stages": CHAIN, **arguments}
    with pytest.raises(ConfigError, match=f"can never be met.*curriculum.measure={measure}") as caught:
        Stages(SPACE, seed=0, measure=measure, **given)
    assert caught.value.key == f"curriculum.teacher.{key}"
    assert str(caught.value.fix).endswith("curriculum.measure=return")
    Stages(SPACE, seed=0, measure="return", **given)


@pytest.mark.parametrize(
    "measure", ["success", "progress", "return", "length", "info:distance", "train/return_mean"]
)
def test_what_the_measure_can_be_passes(measure: str) -> None:
    Stages(SPACE, seed=0, measure=measure, stages=CHAIN, promote={"threshold": 1})
