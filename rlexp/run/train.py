"""Train a composed run in a new folder.

Importing this is cheap; RLlib is imported once the folder is there.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

from rlexp.config.convert import to_plain
from rlexp.config.labs.search_path import remember_lab_in_use
from rlexp.config.schema import RunConfig
from rlexp.run.bookkeeping.provenance import collect, write_diff
from rlexp.run.build_and_train import build_and_train
from rlexp.run.lifecycle import Outcome, RunRequest, Start
from rlexp.storage.buckets.local_copies import local
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.terminal.interrupt import Interrupted, interruptible
from rlexp.terminal.one_at_a_time import one_at_a_time

if TYPE_CHECKING:
    from rlexp.run.trainable import RunTrainable
    from rlexp.terminal.messages import Terminal

__all__ = ["Outcome", "default_name", "create_run", "free_name", "new_run_id", "start_of", "train"]


def train(
    config: RunConfig,
    *,
    command: Sequence[str] = (),
    overrides: Sequence[str] = (),
    group: str | None = None,
) -> Outcome:
    """Trains a composed run in a new folder.

    >>> outcome = rlexp.train(rlexp.compose(["env=cartpole", "stop.iterations=1", "tracking=none"]))
    >>> outcome.status
    'done'

    Where another thread of this process trains already, it waits for its turn.

    A run that fails while it trains does not raise: its `status` is `failed`, and `error` says why.

    Args:
        config: from `rlexp.compose`.
        command: the command line, for the manifest.
        overrides: the overrides it was composed from, for the manifest.
        group: the sweep that it is a trial of, for trackers.

    Raises:
        ConfigError, CheckpointError: the run cannot start; nothing is left behind.
        KeyboardInterrupt: interrupted before the folder was complete; nothing is left behind.
    """
    remember_lab_in_use()
    with one_at_a_time("training"), interruptible() as interrupt, ExitStack() as held:
        name = config.name or free_name(config)
        config = dataclasses.replace(config, name=name)  # a copy: the same config may be trained again
        # A folder is there with all its records, or not at all.
        with interrupt.deferred():
            folder = held.enter_context(RunFolder.create(config.runs_dir, name, overwrite=config.overwrite))
            request = create_run(folder, config, command=command, overrides=overrides, group=group)
        if interrupt.name is not None:
            folder.discard()
            raise Interrupted(interrupt.name)
        return build_and_train(request)


def create_run(
    folder: RunFolder,
    config: RunConfig,
    *,
    command: Sequence[str] = (),
    overrides: Sequence[str] = (),
    group: str | None = None,
) -> RunRequest:
    """Writes a new run's origin and config into its folder; arguments as for `train`."""
    try:
        manifest = collect(list(command), list(overrides), config.seed)
        manifest["diff"] = write_diff(folder.path)
        manifest |= {"group": group} if group is not None else {}
        folder.update_manifest(**manifest, run_id=new_run_id(), status="running", choices=config.choices)
        folder.write_config(to_plain(config))
    except BaseException:
        folder.discard()
        raise
    return RunRequest(folder, config, start_of(config))


def new_run_id() -> str:
    """A name that no other run has."""
    return uuid.uuid4().hex[:12]


def is_run_id(value: object) -> bool:
    """Whether it can be a name that `new_run_id` gave."""
    return isinstance(value, str) and re.fullmatch(r"[\w-]{1,64}", value) is not None


def default_name(config: RunConfig) -> str:
    """`<algorithm>-<env>-s<seed>-<time>`."""
    parts = [str(config.choices.get(group, group)) for group in ("algorithm", "env")]
    return "-".join([*parts, f"s{config.seed}", datetime.now().strftime("%Y%m%d-%H%M%S")])


def free_name(config: RunConfig) -> str:
    """`default_name`, with a number where an earlier run of the same second has it."""
    name, runs = default_name(config), local(config.runs_dir)
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(free for free in names if not (runs / free).exists())


def start_of(config: RunConfig) -> Start:
    """How a run begins that has no state of its own yet: afresh, or with the weights of `checkpoint.from`."""
    return _from_weights if config.checkpoint.from_ else _fresh


def _fresh(trainable: RunTrainable, config: RunConfig, terminal: Terminal) -> None:
    return None


def _from_weights(trainable: RunTrainable, config: RunConfig, terminal: Terminal) -> None:
    from rlexp.storage.buckets.fetch import fetched
    from rlexp.storage.checkpoint.store import require_trust, resolve

    checkpoint, skipped = resolve(fetched(str(config.checkpoint.from_)))
    require_trust(checkpoint, config.checkpoint.trust)
    for message in skipped:
        terminal.warn(message)
    trainable.load_weights(checkpoint.path)
    terminal.say(f"weights from {checkpoint.path}")
