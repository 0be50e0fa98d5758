"""Continue a run from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import write_json
from rlexp.base.shell_commands import shell_command
from rlexp.config import saved_config
from rlexp.config.labs.search_path import lab_of
from rlexp.config.schema import RunConfig
from rlexp.run.bookkeeping.provenance import collect, now
from rlexp.run.build_and_train import build_and_train
from rlexp.run.checks import check
from rlexp.run.lifecycle import Outcome, RunRequest, Start
from rlexp.run.train import is_run_id, new_run_id, start_of
from rlexp.storage.buckets.fetch import fetched
from rlexp.storage.buckets.local_copies import address
from rlexp.storage.checkpoint.store import Checkpoint, require_trust, resolve
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.terminal.interrupt import interruptible
from rlexp.terminal.one_at_a_time import one_at_a_time

if TYPE_CHECKING:
    from rlexp.run.loop import Progress
    from rlexp.run.trainable import RunTrainable
    from rlexp.terminal.messages import Terminal


def resume(path: Path | str, overrides: Sequence[str] = (), *, command: Sequence[str] = ()) -> Outcome:
    """Continues the run in `path`: counters, schedules, optimisers, replay and trackers go on as they were.

    Args:
        path: the run's folder, or its address in a store.
        overrides: settings to change, e.g. `["stop.env_steps=200000"]`.
        command: the command line, for the manifest.

    Raises:
        ConfigError: no run there, still running, or an override that the saved state cannot follow.
        CheckpointError: no intact checkpoint, or one written by somebody else.
    """
    file = saved_config.find_config(fetched(path))
    with (
        lab_of(file.parent),
        one_at_a_time("resuming"),
        interruptible(),
        RunFolder.open(file.parent) as folder,
    ):
        outcome_or_request = reopen_run(folder, overrides, command=command)
        if isinstance(outcome_or_request, Outcome):
            return outcome_or_request
        return build_and_train(outcome_or_request)


def reopen_run(
    folder: RunFolder,
    overrides: Sequence[str] = (),
    *,
    command: Sequence[str] = (),
    vouched: Mapping[str, Any] | None = None,
    of_sweep: bool = False,
) -> RunRequest | Outcome:
    """The run in a folder that is held, ready to go on; or its outcome, where it had ended and only not said so.

    Args:
        folder: of the run.
        overrides: settings to change.
        command: the command line, for the manifest.
        vouched: a config that has been accepted, of the sweep that the run is a trial of.
        of_sweep: a trial that has had enough is done, where a single run is refused.

    Raises:
        ConfigError, CheckpointError: as `resume`.
    """
    before, after = saved_config.opened(saved_config.find_config(folder.path), overrides, vouched=vouched)
    manifest = folder.read_manifest()
    if overrides:
        saved_config.refuse_frozen(before, after)
    choices = manifest.get("choices")
    config = check(saved_config.composed(after, choices if isinstance(choices, dict) else {}, before))
    # The folder may have been moved since.
    config.name, config.runs_dir = folder.path.name, address(folder.path.parent)
    here = collect(list(command), list(overrides), config.seed)
    noted = manifest.get("resumed")
    history: list[Any] = noted if isinstance(noted, list) else []
    changes: dict[str, Any] = {"pid": here["pid"], "host": here["host"]}
    if not is_run_id(manifest.get("run_id")):  # Lost, or nothing that a tracker takes.
        changes["run_id"] = new_run_id()
    if _never_saved(folder):
        # Another id: what the first attempt logged to a tracker must not be continued by lower steps.
        changes |= {"run_id": new_run_id(), "resumed": [*history, {**here, "from": None}]}
        return RunRequest(folder, config, _anew(start_of(config)), changes)
    checkpoint, skipped = resolve(folder.path)
    require_trust(checkpoint, config.checkpoint.trust)
    if (outcome := _finished(folder, config, checkpoint, of_sweep)) is not None:
        return outcome
    changes["resumed"] = [*history, {**here, "from": checkpoint.path.name}]
    return RunRequest(folder, config, _continue(checkpoint, skipped), changes)


def _never_saved(folder: RunFolder) -> bool:
    """Whether the run ended before its first checkpoint: there is nothing, not even a damaged one."""
    return not any(folder.checkpoints.glob("[!.]*")) if folder.checkpoints.is_dir() else True


def _finished(folder: RunFolder, config: RunConfig, checkpoint: Checkpoint, of_sweep: bool) -> Outcome | None:
    """Refuses a run that has had enough; one that was killed just before it could say so is set right.

    Raises:
        ConfigError: the run is done.
    """
    from rlexp.run.loop import Progress
    from rlexp.run.stopping.stop_rules import StopRules

    rules, progress = StopRules(config.stop), Progress(**checkpoint.meta)
    rules.restore(progress.stop)
    reason = rules.holds(progress.final)
    if reason is None:
        return None
    status = folder.read_manifest().get("status")
    if status == "running" or of_sweep:
        ending = {"status": "done", "reason": reason}
        summary = {**ending, **progress.summary(), "checkpoint": f"checkpoints/{checkpoint.path.name}"}
        if status != "done":
            write_json(folder.summary, summary)
            folder.update_manifest(**ending, ended=now())
            folder.push()
        return Outcome(folder.path, "done", summary)
    raise ConfigError(
        f"{folder.place} is done ({reason})",
        key="stop",
        fix=shell_command("resume", folder.place, *rules.more(progress.final).split()),
    )


def _anew(start: Start) -> Start:
    def begin(trainable: RunTrainable, config: RunConfig, terminal: Terminal) -> Progress | None:
        terminal.say("the run ended before its first checkpoint: training starts from the beginning")
        return start(trainable, config, terminal)

    return begin


def _continue(checkpoint: Checkpoint, skipped: Sequence[str]) -> Start:
    def start(trainable: RunTrainable, config: RunConfig, terminal: Terminal) -> Progress:
        from rlexp.run.loop import Progress

        for message in skipped:
            terminal.warn(message)
        trainable.load_checkpoint(str(checkpoint.path))
        terminal.say(f"resumed from {checkpoint.path.name}: {trainable.counters.env_steps:,} env steps done")
        return Progress(**checkpoint.meta)

    return start
