"""Who listens to a run beside its callbacks and trackers: the run's own records, checks and clean-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rlexp.base.events import QuietListener, Record, RunInfo, RunListener
from rlexp.curriculum.run_record import CurriculumRecord
from rlexp.engine.run_callback import RunCallback
from rlexp.run.health import EvaluationCost, SkippedEvaluations
from rlexp.run.trainable import RunTrainable
from rlexp.storage.buckets.sync import StoreSync
from rlexp.storage.runs.metrics_file import EpisodesFile, MetricsFile
from rlexp.storage.runs.run_folder import RunFolder


class BucketUpload(QuietListener):
    """Has the run's folder brought to the store after each checkpoint; training does not wait for it."""

    def __init__(self, sync: StoreSync) -> None:
        self._sync = sync

    def on_run_start(self, run: RunInfo) -> None:
        """Config and manifest are complete."""
        self._sync.soon()

    def on_record(self, record: Record) -> None:
        """Ends the run where another process has gone on with it."""
        self._sync.check()

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """What a process elsewhere could go on from."""
        self._sync.soon()


class ReplacedRunDeletion(QuietListener):
    """Has the run that `overwrite=true` replaces deleted once this one has made an iteration.

    Args:
        folder: of both.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def on_record(self, record: Record) -> None:
        """The iteration is over, for the callbacks and trackers too."""
        self._folder.delete_earlier()


def run_listeners(
    folder: RunFolder,
    trainable: RunTrainable,
    trackers: Sequence[RunListener],
    sync: StoreSync | None,
    warn: Callable[[str], None],
) -> list[RunListener]:
    """All listeners of a run, in the order in which they are called.

    Args:
        folder: of the run.
        trainable: built.
        trackers: of the config.
        sync: uploads the folder, of a run that lies in a store.
        warn: prints a line.
    """
    algorithm, curriculum = trainable.algorithm, trainable.curriculum
    listeners: list[RunListener] = [
        MetricsFile(folder.metrics),
        EpisodesFile(folder.episodes, lambda: trainable.episodes),
    ]
    if curriculum is not None:
        listeners.append(CurriculumRecord(curriculum))
    listeners += trackers
    listeners += [
        SkippedEvaluations(algorithm, trainable.turns, warn),
        EvaluationCost(trainable.clock, warn),
    ]
    listeners += [callback for callback in algorithm.callbacks if isinstance(callback, RunCallback)]
    if sync is not None:
        listeners.append(BucketUpload(sync))
    if folder.replaces:  # The last, so that the iteration is over for all others.
        listeners.append(ReplacedRunDeletion(folder))
    return listeners
