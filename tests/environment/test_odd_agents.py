"""With several agents, what each returns is judged as what a single one returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import records, train_tiny
from odd_meetings import REFUSED, REFUSED_AS_A_WHOLE, TAKEN, WARNED

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.probe import probe

TRUSTED = ["odd_meetings"]
LET = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,odd_meetings]"


def odd(kind: str, **fields: Any) -> EnvChoice:
    return EnvChoice(id="odd_meetings.OddMeeting", config={"kind": kind}, **fields)


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_ordinary_or_harmless_of_one_agent_is_taken_without_a_word(kind: str) -> None:
    assert probe(odd(kind), TRUSTED).notices == ()


@pytest.mark.parametrize("kind", WARNED)
def test_what_is_odd_of_one_agent_is_taken_and_told_once(kind: str) -> None:
    notices = probe(odd(kind), TRUSTED).notices
    assert len(notices) == 1 and WARNED[kind][1] in notices[0] and "odd_meetings.OddMeeting" in notices[0]
    assert "(agent 'right')" in notices[0] or "all" in kind
    assert probe(odd(kind, check="off"), TRUSTED).notices == ()
    with pytest.raises(ConfigError, match="odd_meetings.OddMeeting"):
        probe(odd(kind, check="strict"), TRUSTED)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_meant_is_refused_with_agent_step_and_fix(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        probe(odd(kind), TRUSTED)
    message = str(caught.value)
    assert "the environment odd_meetings.OddMeeting(" in message and "(agent 'right')" in message
    assert REFUSED[kind][1] in message and ("write: " in message or "shape" in kind)


@pytest.mark.parametrize("kind", REFUSED_AS_A_WHOLE)
def test_what_is_no_dict_by_agent_is_refused_with_step_and_fix(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        probe(odd(kind), TRUSTED)
    message = str(caught.value)
    assert "the environment odd_meetings.OddMeeting(" in message and "write: " in message
    assert REFUSED_AS_A_WHOLE[kind][1] in message and "at its step 25" in message


@pytest.mark.slow
def test_oddities_of_agents_are_counted_in_a_run_and_told_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["env=gym", "env.id=odd_meetings.OddMeeting", "env.config={kind: rounding}", LET]
    lines = records(train_tiny([*words, "callbacks=episode_stats"], tmp_path).folder)
    assert sum(line["perf/env_irregularities"] for line in lines) > 10
    assert capfd.readouterr().err.count("by a rounding error") == 1
