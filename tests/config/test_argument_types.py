"""Arguments of callbacks and trackers have the types that their classes say, before a run's folder is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.cli.main import main
from rlexp.config.callables.arguments import check_source
from rlexp.run.compose import compose

WRONG: list[tuple[str, list[str]]] = [
    ("callbacks.progress.every_s=abc", ["must be a number, not 'abc'", "write: callbacks.progress.every_s="]),
    ("callbacks.progress.every_s=nan", ["every_s must be a finite number", "not nan"]),
    ("callbacks.progress.every_s=-1", ["above 0"]),
    ("callbacks.progress.live=5", ["must be true or false or null"]),
    ("callbacks.progress.refresh_per_s=null", ["refresh_per_s must be a number"]),
    (
        "callbacks.episode_stats.metrics=success",
        ["must be a list", "'callbacks.episode_stats.metrics=[success]'"],
    ),
    ("callbacks=[video] callbacks.video.every=0", ["at least 1"]),
    ("callbacks=[video] callbacks.video.format=avi", ["must be one of mp4, gif"]),
    ("callbacks=[video] callbacks.video.fps=2.5", ["callbacks.video.fps must be an integer"]),
    ("tracking.wandb.tags=[v1,2024]", ["tags must be a list (each text)", '"v1", "2024"']),
    ("tracking.wandb.tags=smoke", ["tags must be a list", "'tracking.wandb.tags=[smoke]'"]),
    ("tracking.wandb.group=2024", ["group must be text", "'tracking.wandb.group=\"2024\"'"]),
    ("tracking.wandb.notes=12", ["notes must be text", "'tracking.wandb.notes=\"12\"'"]),
    ("tracking.wandb.project=3e563", ["project must be text"]),
    ("tracking.wandb.project=true", ["project must be text", "'tracking.wandb.project=\"true\"'"]),
    ("tracking.wandb.project=a/b", ["takes no /", "tracking.wandb.project=a-b"]),
    (f"tracking.wandb.tags=[{'x' * 65}]", ["tags of 1 to 64 characters"]),
    ("tracking.wandb.tags=['']", ["tags of 1 to 64 characters"]),
    (f"tracking.wandb.group={'x' * 129}", ["1 to 128 characters, not 129"]),
    ("tracking.wandb.mode=onlin", ["must be one of auto, online", "tracking.wandb.mode=online"]),
    ("tracking.wandb.log_checkpoints=1", ["must be true or false"]),
    ("tracking.wandb.init_timeout_s=soon", ["must be a number"]),
    ("tracking=tensorboard tracking.tensorboard.flush_s=2.5", ["flush_s must be an integer"]),
    ("exploration=epsilon_greedy algorithm=dqn exploration.to=[1]", ["exploration"]),
    ("curriculum=multiroom curriculum.teacher.stages=5", ["curriculum.teacher"]),
]


QUICK = ("every_s=abc", "tags=[v1,2024]", "tags=smoke", "project=3e563", "live=5")


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        pytest.param(
            overrides, says, id=overrides[:60], marks=() if overrides.endswith(QUICK) else pytest.mark.slow
        )
        for overrides, says in WRONG
    ],
)
def test_a_wrong_type_is_refused_before_a_folder_is_made(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    overrides: str,
    says: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rlexp.run.train.train", lambda *_, **__: pytest.fail("this would train"))
    assert main(overrides.split()) == 2
    told = capsys.readouterr().err
    assert all(words in told for words in says), told
    assert "Traceback" not in told and not Path("runs").exists()


def test_right_types_are_taken() -> None:
    fine = ["tracking.wandb.tags=[v1,'2024']", "tracking.wandb.group='2024'", "callbacks.progress.every_s=5"]
    spec = compose([*fine, "callbacks.progress.live=null"]).tracking["wandb"]
    assert spec["tags"] == ["v1", "2024"] and spec["group"] == "2024"


LAB = """
from typing import Optional, Sequence

Bound = Optional[float]

class Mine:
    def __init__(self, a: "int" = 1, b: Bound = None, c: Sequence[str] = (), d=None, e: Optional[int] = None):
        pass
"""


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"a": 1, "b": None, "c": ["x"], "d": object(), "e": None}, None),
        ({"a": 2.0, "b": 0.5, "c": ("x",)}, None),
        ({"a": "x"}, "mine.a must be an integer"),
        ({"a": None}, "mine.a must be an integer"),
        ({"c": [1]}, "mine.c must be a list"),
        ({"e": "x"}, "mine.e must be an integer or null"),
    ],
)
def test_a_labs_own_annotations_are_kept_where_they_say_a_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, object], wrong: str | None
) -> None:
    (tmp_path / "typed_lab.py").write_text(LAB)
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = {"_target_": "typed_lab.Mine", **arguments}
    if wrong is None:
        check_source("mine", spec, typed=True)
        return
    with pytest.raises(ConfigError, match=wrong):
        check_source("mine", spec, typed=True)
