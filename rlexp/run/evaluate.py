"""Evaluate a trained policy from its folder alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlexp.checkpoint.atomic import write_json
from rlexp.checkpoint.finding import BEST, LATEST
from rlexp.checkpoint.links import refuse_links
from rlexp.checkpoint.store import Checkpoint, require_trust, resolve
from rlexp.config.checks import check
from rlexp.config.schema import HardwareChoice, RunConfig
from rlexp.run import saved
from rlexp.run.folder import is_run_folder
from rlexp.run.provenance import now
from rlexp.storage.fetching import added, fetched
from rlexp.terminal.quiet import quiet

RESULT, LOG = "evaluation.json", "evaluation.log"


def evaluate(path: Path | str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Runs episodes with a checkpoint's policy and writes `evaluation.json` into `path`.

    Args:
        path: a run folder (its latest checkpoint), `checkpoints/best`, or any checkpoint's folder.
        overrides: e.g. `["evaluation.evaluation_duration=100", "evaluation.explore=true"]`.

    Returns:
        `metrics` under flat names, and from what they come: `checkpoint`, `env_steps`, `episodes`.

    Raises:
        ConfigError: no run there, one with links that lead out of it, or a bad override.
        CheckpointError: no whole checkpoint, or one written by somebody else.
    """
    path = fetched(path)
    refuse_links(_run_of(path))
    checkpoint, skipped = resolve(path)
    config = _config(path, checkpoint, overrides)
    require_trust(checkpoint, config.checkpoint.trust)
    # `best` and `latest` may name a damaged checkpoint, in whose place another one was taken.
    folder = checkpoint.path if path.name in (BEST, LATEST) else path
    with quiet(folder / LOG, config.log_level) as terminal:
        for message in skipped:
            terminal.warn(message)
        with terminal.status(f"evaluating {checkpoint.path} ..."):
            metrics = _run_episodes(config, checkpoint)
    result = {
        "checkpoint": checkpoint.path.name,
        "env_steps": checkpoint.step,
        "explore": config.evaluation.explore,
        "seed": config.evaluation.seed,
        "overrides": list(overrides),
        "time": now(),
        "metrics": metrics,
    }
    write_json(folder / RESULT, result)
    added([folder / RESULT])
    return result


def _run_of(path: Path) -> Path:
    """The run's folder at or above `path`, as it was named; else `path`."""
    return next((folder for folder in (path, *list(path.parents)[:2]) if is_run_folder(folder)), path)


def _config(path: Path, checkpoint: Checkpoint, overrides: Sequence[str]) -> RunConfig:
    before = saved.read(saved.find_config(checkpoint.path))
    saved.refuse_untrusted(before, overrides)
    config = check(saved.composed(saved.with_overrides(before, overrides), {}))
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


def _run_episodes(config: RunConfig, checkpoint: Checkpoint) -> dict[str, Any]:
    from rlexp.hardware import session
    from rlexp.metrics.headline import flatten_evaluation
    from rlexp.run.prepare import prepare, start_processes
    from rlexp.run.trainable import RunTrainable

    prepared = prepare(config)
    start_processes(prepared, None)
    try:
        trainable = RunTrainable(config={"prepared": prepared})
        try:
            trainable.load_checkpoint(str(checkpoint.path))
            return dict(flatten_evaluation(trainable.algorithm.evaluate()))
        finally:
            trainable.stop()
    finally:
        session.stop()
