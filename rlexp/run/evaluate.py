"""Evaluate a trained policy from its folder alone."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlexp.base.dotted import at
from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import write_json
from rlexp.base.files.json_records import read_object
from rlexp.base.files.links import refuse_links
from rlexp.base.headline_metrics import WALL_S
from rlexp.base.seeds import evaluation_seed
from rlexp.config import saved_config
from rlexp.config.labs.search_path import lab_of
from rlexp.config.schema import HardwareChoice, RunConfig
from rlexp.run.bookkeeping.provenance import now
from rlexp.run.checks import check
from rlexp.storage.buckets.fetch import fetched, upload_files
from rlexp.storage.checkpoint.find_checkpoints import BEST, LATEST
from rlexp.storage.checkpoint.store import Checkpoint, require_trust, resolve
from rlexp.storage.runs.run_folder import is_run_folder
from rlexp.terminal.one_at_a_time import one_at_a_time
from rlexp.terminal.quiet import quiet

RESULT, LOG = "evaluation.json", "evaluation.log"
EARLIER = "earlier"
"""In `evaluation.json`: the results before the newest, oldest first."""


def evaluate(path: Path | str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Runs episodes with a checkpoint's policy and writes `evaluation.json` into `path`; earlier results stay in it.

    Args:
        path: a run folder (its latest checkpoint), `checkpoints/best`, or any checkpoint's folder.
        overrides: e.g. `["evaluation.evaluation_duration=100", "evaluation.explore=true"]`.

    Returns:
        `metrics` under flat names, `returns` and `lengths` of the episodes, and from what they come: `checkpoint`,
        `env_steps`, `seed` (of the evaluation environments), `explore`, `overrides`.

    Raises:
        ConfigError: no run there, one with links that lead out of it, or a bad override.
        CheckpointError: no intact checkpoint, or one written by somebody else.
    """
    folder = fetched(path)
    refuse_links(_run_of(folder))
    with lab_of(folder), one_at_a_time("evaluating"):
        return _evaluated(folder, overrides)


def _evaluated(path: Path, overrides: Sequence[str]) -> dict[str, Any]:
    checkpoint, skipped = resolve(path)
    config = _config(path, checkpoint, overrides)
    require_trust(checkpoint, config.checkpoint.trust)
    # `best` and `latest` may name a damaged checkpoint, in whose place another one was taken.
    folder = checkpoint.path if path.name in (BEST, LATEST) else path
    with quiet(folder / LOG, config.log_level) as terminal:
        for message in skipped:
            terminal.warn(message)
        with terminal.status(f"evaluating {checkpoint.path} ..."):
            metrics, (returns, lengths) = _run_episodes(config, checkpoint)
    result = {
        "checkpoint": checkpoint.path.name,
        "env_steps": checkpoint.step,
        "explore": config.evaluation.explore,
        "seed": evaluation_seed(config.seed, config.evaluation.seed),
        "overrides": list(overrides),
        "time": now(),
        "metrics": metrics,
        "returns": returns,
        "lengths": lengths,
    }
    write_json(folder / RESULT, {**result, EARLIER: earlier_results(folder / RESULT)})
    upload_files([folder / RESULT])
    return result


def _run_of(path: Path) -> Path:
    """The run's folder at or above `path`, as it was named; else `path`."""
    return next((folder for folder in (path, *list(path.parents)[:2]) if is_run_folder(folder)), path)


def earlier_results(file: Path) -> list[dict[str, Any]]:
    """The results that a file has, oldest first; one that cannot be read is kept under another name."""
    if not os.path.lexists(file):
        return []
    try:
        before = read_object(file)
        return [*before.pop(EARLIER, []), before]
    except (ConfigError, TypeError):
        file.replace(file.with_name(f"{file.name}.unreadable"))
        return []


def _config(path: Path, checkpoint: Checkpoint, overrides: Sequence[str]) -> RunConfig:
    before, after = saved_config.opened(saved_config.find_config(checkpoint.path), overrides)
    if at(after, "checkpoint.from") != at(before, "checkpoint.from"):
        raise ConfigError(
            "checkpoint.from begins a training; what is evaluated is the checkpoint that PATH names",
            key="checkpoint.from",
            fix="rlexp evaluate <the folder of that run or checkpoint>",
        )
    config = check(saved_config.composed(after, {}, before))
    evaluation = dataclasses.replace(
        config.evaluation,
        settings={
            "evaluation_duration": 20,
            "evaluation_duration_unit": "episodes",
            **config.evaluation.settings,
            "evaluation_interval": 1,
            "evaluation_num_env_runners": 0,
            "evaluation_parallel_to_training": False,
        },
    )
    local = {"num_env_runners": 0, "num_envs_per_env_runner": 1, "num_learners": 0}
    hardware = HardwareChoice(settings=local)
    return dataclasses.replace(config, evaluation=evaluation, hardware=hardware, tracking={})


def _run_episodes(
    config: RunConfig, checkpoint: Checkpoint
) -> tuple[dict[str, Any], tuple[list[float], list[int]]]:
    """The metrics, and the episodes' returns and lengths."""
    from rlexp.hardware.ray_session import session
    from rlexp.run.building.prepare import prepare, start_processes
    from rlexp.run.trainable import RunTrainable

    prepared = prepare(config)
    start_processes(prepared, None)
    try:
        trainable = RunTrainable(config={"prepared": prepared})
        try:
            trainable.load_checkpoint(str(checkpoint.path))
            record = trainable.evaluate()
            del record[WALL_S]
            return dict(record), trainable.episodes["eval"]
        finally:
            trainable.stop()
    finally:
        session.stop()
