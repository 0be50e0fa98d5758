"""Environments with unusual infos and renderers, trained for real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import records, tiny, train_tiny
from odd_envs import DRAWINGS

import rlexp

LET = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,odd_envs]"


def words(name: str, *more: str) -> list[str]:
    return ["env=gym", f"env.id=odd_envs.{name}", LET, *more]


@pytest.mark.slow
def test_a_metric_of_a_key_that_the_info_has_only_at_times_is_logged(tmp_path: Path) -> None:
    more = ("metrics={bonus: {info: bonus, reduce: sum}}",)
    lines = records(train_tiny(words("RareBonus", *more), tmp_path).folder)
    assert any(line.get("custom/bonus_mean") == 0.5 for line in lines), lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("drawing", DRAWINGS)
def test_a_renderer_that_gives_no_pictures_costs_the_videos_alone(
    drawing: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    more = ("callbacks=[video]", "callbacks.video.format=gif", f"env.config={{drawing: {drawing}}}")
    outcome = rlexp.train(tiny(f"runs_dir={tmp_path}", *words("Draws", *more)))
    assert outcome.exit_code == 0 and outcome.status == "done"
    said, why = capfd.readouterr().err, DRAWINGS[drawing][1]
    warnings = re.findall(r".*no videos.*", said)
    films = list(outcome.folder.glob("videos/*.gif"))
    assert bool(films) is (why is None) and len(warnings) == (why is not None)
    if why is not None:
        assert "odd_envs.Draws" in said and "render() that returns a uint8 array" in " ".join(said.split())
        assert " ".join(why.split()) in " ".join(said.split())
