"""The folder of one run as a process holds it: made, taken up, replaced, deleted."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from rlexp.base.errors import ConfigError
from rlexp.base.files import lock
from rlexp.base.files.atomic import remove, write_json
from rlexp.base.files.links import refuse_links
from rlexp.base.shell_commands import shell_command
from rlexp.storage.buckets.local_copies import address, local
from rlexp.storage.buckets.mirror import Mirror
from rlexp.storage.runs import folder_checks, overwritten_run
from rlexp.storage.runs.folder_checks import is_run_folder
from rlexp.storage.runs.overwritten_run import MANIFEST
from rlexp.storage.runs.run_files import RunFiles

__all__ = ["RunFolder", "is_run_folder"]

_log = logging.getLogger(__name__)


class RunFolder(RunFiles):
    """A run's folder, held by this process alone until `release` (or the process ends, however it ends).

    Made by `create` or `open`; a context manager that releases.
    """

    def __init__(self, path: Path, folder_lock: FileLock | None, *, created: bool) -> None:
        super().__init__(path)
        self._lock, self._created, self._has_iterated = folder_lock, created, False
        self.mirror = Mirror.of(path) if folder_lock is not None else None

    @classmethod
    def create(cls, runs_dir: Path | str, name: str, *, overwrite: bool = False) -> RunFolder:
        """Make and hold the folder `runs_dir/name`, with a manifest of status `running`.

        Raises:
            ConfigError: `name` is no folder's name; a run or other files are there; another process holds it;
                the place is read-only or full.
        """
        path = folder_checks.inside(local(runs_dir), name)
        folder_checks.fetch(path)
        folder_checks.refuse_foreign(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            run = cls(path, lock.hold(path), created=True)
        except OSError as error:
            raise folder_checks.unwritable(path, error) from error
        try:
            overwritten_run.recover(path)
            if is_run_folder(path):
                run._clear_for_new_run(overwrite)
            folder_checks.refuse_foreign(path)
            folder_checks.require_room(path)
            write_json(run.manifest, {"name": name, "status": "running"})
            run.push()
        except OSError as error:
            run.release()
            raise folder_checks.unwritable(path, error) from error
        except BaseException:
            run.release()
            raise
        return run

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Hold an existing run's folder, to continue the run.

        Raises:
            ConfigError: it is no run's folder, another process holds it, it is read-only or full, or it holds links
                that lead out of it.
        """
        path = local(path).absolute()
        if not is_run_folder(path):
            folder_checks.fetch(path)
        if not is_run_folder(path):
            raise folder_checks.no_run(path)
        try:
            refuse_links(path)
            run = cls(path, lock.hold(path), created=False)
        except OSError as error:
            raise folder_checks.unwritable(path, error) from error
        try:
            overwritten_run.recover(path)
            run._claim()
            folder_checks.require_room(path)
        except OSError as error:
            run.release()
            raise folder_checks.unwritable(path, error) from error
        except ConfigError:
            run.release()
            raise
        return run

    @classmethod
    def for_reading(cls, path: Path | str) -> RunFolder:
        """An existing run's folder, only to read: another process may hold it."""
        return cls(Path(path), None, created=False)

    def _claim(self) -> None:
        if self.mirror is not None:
            self.mirror.claim()
            if not is_run_folder(self.path):  # It was deleted in the store.
                raise folder_checks.no_run(self.path)

    @property
    def place(self) -> str:
        """Where the run lies, for people: the folder's path, or its address in a store."""
        return address(self.path)

    def push(self) -> None:
        """Brings what has changed to the store that the folder is a copy of, if it is one.

        Raises:
            OSError: it cannot be brought.
        """
        if self.mirror is not None:
            self.mirror.push()

    def free_room(self) -> None:
        """Gives back the bytes that were kept for the last records; before they are written."""
        lock.free_room(self.path)

    def release(self) -> None:
        """Let others hold the folder; a second call does nothing. An overwritten run comes back first."""
        if self._lock is None or not self._lock.is_locked:
            return
        with contextlib.suppress(OSError):  # Whoever takes up the folder next tries again.
            self.put_back()
        lock.release(self.path, self._lock)

    def discard(self) -> bool:
        """Delete the folder if `create` made it and this process still holds it: the run came to nothing.

        A folder that `open` took up stays as it is, but for the lock. Returns whether an overwritten run was put back.
        """
        returned = False
        if self._created and self._lock is not None and self._lock.is_locked:
            returned = self.put_back()
            if not returned:
                remove(self.path)
                if self.mirror is not None:
                    with contextlib.suppress(OSError):
                        self.mirror.discard()
        self.release()
        return returned

    @property
    def replaces(self) -> bool:
        """Whether an earlier run of the name is kept until this one has made an iteration."""
        return self._created and not self._has_iterated and overwritten_run.is_aside(self.path)

    def put_back(self) -> bool:
        """Deletes this run and brings back the one that it was to replace; False where there is none.

        Raises:
            OSError: a file could not be moved or deleted.
        """
        if not self.replaces:
            return False
        overwritten_run.put_back(self.path)
        self._pause_mirror(False)
        return True

    def delete_earlier(self) -> None:
        """Deletes the run that this one has replaced, for good; what is busy goes when the folder is next taken up."""
        if self.replaces:
            self._has_iterated = True
            self._pause_mirror(False)
            try:
                overwritten_run.delete(self.path)
            except OSError as error:
                _log.warning("the earlier run in %s could not be deleted yet: %s", self.path, error)

    def _pause_mirror(self, hold: bool) -> None:
        """What the store has of the earlier run stays there while this one may still come to nothing."""
        if self.mirror is not None:
            self.mirror.paused = hold

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _clear_for_new_run(self, overwrite: bool) -> None:
        """Delete the run that is there if it came to nothing, set it aside if it may be replaced, or refuse to."""
        if self._has_no_iteration():
            for item in sorted(overwritten_run.contents(self.path), key=lambda item: item.name == MANIFEST):
                remove(item)
        elif overwrite:
            _log.warning("replacing the earlier run in %s", self.path)
            self._pause_mirror(True)
            overwritten_run.set_aside(self.path)
        else:
            raise ConfigError(
                f"a run is already in {self.place}",
                key="name",
                fix=f"{shell_command('resume', self.place)}   (or another name=, or overwrite=true to replace it)",
            )

    def _has_no_iteration(self) -> bool:
        """Whether the run ended, however it did, before its first iteration: nothing of it is worth its name."""
        trained = self.metrics.is_file() and self.metrics.stat().st_size
        if trained or self.checkpoints.exists():
            return False
        with contextlib.suppress(ConfigError):
            # One that says it is running was killed, for the folder is held by this process.
            return self.read_manifest().get("status") in ("stopped", "failed", "running")
        return False
