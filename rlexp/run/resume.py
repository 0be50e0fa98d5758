"""Continue a run from its folder alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlexp.config.checks import check
from rlexp.config.schema import RunConfig
from rlexp.errors import ConfigError
from rlexp.run import saved
from rlexp.run.checkpoints import Checkpoint, require_trust, resolve
from rlexp.run.folder import RunFolder
from rlexp.run.provenance import collect
from rlexp.run.train import Outcome, Start, drive

if TYPE_CHECKING:
    from rlexp.run.loop import Progress
    from rlexp.run.terminal import Terminal
    from rlexp.run.trainable import RunTrainable


def resume(path: Path | str, overrides: Sequence[str] = (), *, command: Sequence[str] = ()) -> Outcome:
    """Continues the run in `path`: counters, schedules, optimisers, replay and trackers go on where they stood.

    Args:
        path: the run's folder.
        overrides: settings to change, e.g. `["stop.env_steps=200000"]`.
        command: the command line, for the manifest.

    Raises:
        ConfigError: no run there, still running, or an override that the saved state cannot follow.
        CheckpointError: no whole checkpoint, or one written by somebody else.
    """
    file = saved.find_config(path)
    with RunFolder.open(file.parent) as folder:
        before = saved.read(file)
        saved.refuse_untrusted(before, overrides)
        after = saved.with_overrides(before, overrides)
        saved.refuse_frozen(before, after)
        manifest = folder.read_manifest()
        config = check(saved.composed(after, manifest.get("choices", {})))
        # The folder may have been moved since.
        config.name, config.runs_dir = folder.path.name, str(folder.path.parent)
        checkpoint, skipped = resolve(folder.path)
        require_trust(checkpoint, config.checkpoint.trust)
        _refuse_finished(folder, config, checkpoint)
        here = collect(list(command), list(overrides), config.seed)
        history = [*manifest.get("resumed", []), {**here, "from": checkpoint.path.name}]
        folder.update_manifest(status="running", resumed=history, pid=here["pid"], host=here["host"])
        return drive(folder, config, _continue(checkpoint, skipped))


def _refuse_finished(folder: RunFolder, config: RunConfig, checkpoint: Checkpoint) -> None:
    from rlexp.run.stop import StopRules

    spent = StopRules(config.stop).budget_spent(checkpoint.meta["final"])
    if spent:
        steps = int(checkpoint.meta["final"]["env_steps"])
        raise ConfigError(
            f"{folder.path} has already used its budget ({spent})",
            key="stop",
            fix=f"rlexp resume {folder.path} stop.env_steps={2 * steps}",
        )


def _continue(checkpoint: Checkpoint, skipped: Sequence[str]) -> Start:
    def start(trainable: RunTrainable, config: RunConfig, terminal: Terminal) -> Progress:
        from rlexp.run.loop import Progress

        for message in skipped:
            terminal.warn(message)
        trainable.load_checkpoint(str(checkpoint.path))
        terminal.say(f"resumed from {checkpoint.path.name}: {trainable.counters.env_steps:,} env steps done")
        return Progress(**checkpoint.meta)

    return start
