"""Values that are set on a composed config give what composing anew with them gives."""

from __future__ import annotations

import pytest

from rlexp.config.hydra_app import Composer, compose_forced, hydra_app

VALUES = [
    ["++seed=3"],
    ["++algorithm.lr=0.1", "++algorithm.gamma=0.9"],
    ["++env.config={length: 3}", "++stop.metric={a/b: 1}"],
    ["++evaluation.evaluation_interval=null", "++callbacks.mine={_target_: a.B, names: [x, y]}"],
    ["++algorithm.lr=[[0,0.1],[1000,0.01]]"],
    ["++name=s${seed}-${env.id}", "++seed=7"],
]


@pytest.mark.parametrize(
    "choices", [[], ["env=acrobot", "algorithm=dqn"], ["experiment=multiroom"], ["+debug=tiny"]]
)
def test_values_on_top_are_as_composed_anew(choices: list[str]) -> None:
    with hydra_app() as app:
        composer = Composer(app)
        choices = [text.lstrip("+") for text in choices]
        for values in VALUES:
            assert composer.compose(choices, values) == compose_forced(app, [*choices, *values]), values
        assert composer.compose(choices) == compose_forced(app, choices), "the base is as it was"


def test_only_choices_that_have_a_file_are_named() -> None:
    """Hydra lists optional ones too, and this pair has no tuned values."""
    with hydra_app() as app:
        choices = compose_forced(app, ["env=gym", "++env.id=CliffWalking-v1", "algorithm=dqn"]).choices
        assert "tuned" not in choices and not any(group.startswith("debug/") for group in choices)
        assert compose_forced(app, []).choices["tuned"] == "ppo-cartpole"
