"""Promotions reach everyone who looks: the log, the metrics, W&B's and TensorBoard's own files, the folder's record."""

from __future__ import annotations

import json
from pathlib import Path

from harness import records

import rlexp

STAGES = "[{name: short, task: {length: 2}}, {name: long, task: {length: 5}, promote: null}]"
RUN = [
    "env=gym",
    "env.id=envs.testing.Errand",
    "env.tasks={length: {int: [1, 9]}}",
    "env.target_tasks=[{length: 2},{length: 5}]",
    f"curriculum.teacher={{_target_: rlexp.curriculum.teachers.stages.Stages, stages: {STAGES}, "
    "promote: {window: 5, min_episodes: 5}}",
    "curriculum.measure=success",
    "tracking=[wandb,tensorboard]",
    "hardware=local",
    "callbacks=none",
    "debug=tiny",
    "stop.iterations=3",
]


def test_a_promotion_is_told_everywhere(tmp_path: Path) -> None:
    outcome = rlexp.train(rlexp.compose([*RUN, f"runs_dir={tmp_path}"]))
    assert outcome.error is None
    told = [
        (record["iteration"], text)
        for record in records(outcome.folder)
        if (text := record.get("curriculum/event"))
    ]
    assert len(told) == 1
    iteration, text = told[0]
    assert "long" in text
    (line,) = [line for line in (outcome.folder / "log.txt").read_text().splitlines() if text in line]
    assert "WARNING" not in line, "a promotion is nothing to be warned of"
    entries = json.loads((outcome.folder / "curriculum.json").read_text())["entries"]
    assert entries[iteration - 1]["events"] == [text]
    for pattern in ("wandb/**/*.wandb", "tensorboard/events*"):
        files = list(outcome.folder.glob(pattern))
        assert files and any(text.encode() in file.read_bytes() for file in files), pattern
