"""The folder of one run: what lies where, who holds it, and the records that are replaced whole."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock

from rlexp.checkpoint import lock
from rlexp.checkpoint.atomic import plain_reason, remove, write_json, write_text
from rlexp.errors import ConfigError
from rlexp.storage.mirror import SEEN, STATE, Mirror
from rlexp.storage.places import address, local

_MANIFEST = "manifest.json"
_ROOM = 1 << 20  # bytes that must be free to start: the records of a run, before any checkpoint
_log = logging.getLogger(__name__)


def is_run_folder(path: Path | str) -> bool:
    """Whether `path` is a run's folder: one with a manifest."""
    return (Path(path) / _MANIFEST).is_file()


class RunFolder:
    """A run's folder, held by this process alone until `release` (or the process ends, however it ends).

    Made by `create` or `open`; a context manager that releases.
    """

    def __init__(self, path: Path, held: FileLock | None, *, made: bool) -> None:
        self.path, self._held, self._made = path, held, made
        self.mirror = Mirror.of(path) if held is not None else None

    @classmethod
    def create(cls, runs_dir: Path | str, name: str, *, overwrite: bool = False) -> RunFolder:
        """Make and hold the folder `runs_dir/name`, with a manifest of status `running`.

        Raises:
            ConfigError: `name` is no folder's name; a run or other files are there; another process holds it;
                the place is read-only or full.
        """
        path = _inside(local(runs_dir), name)
        _fetch(path)
        _refuse_foreign(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            run = cls(path, lock.hold(path), made=True)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            if is_run_folder(path):
                run._clear(overwrite)
            _refuse_foreign(path)
            _require_room(path)
            run.update_manifest(name=name, status="running")
            run.push()
        except OSError as error:
            run.release()
            raise _unwritable(path, error) from error
        except BaseException:
            run.release()
            raise
        return run

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Hold an existing run's folder, to continue the run.

        Raises:
            ConfigError: it is no run's folder, another process holds it, or it is read-only or full.
        """
        path = local(path).absolute()
        if not is_run_folder(path):
            _fetch(path)
        if not is_run_folder(path):
            raise _no_run(path)
        try:
            run = cls(path, lock.hold(path), made=False)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            run._claim()
            _require_room(path)
        except OSError as error:
            run.release()
            raise _unwritable(path, error) from error
        except ConfigError:
            run.release()
            raise
        return run

    @classmethod
    def look(cls, path: Path | str) -> RunFolder:
        """An existing run's folder, only to read: another process may hold it."""
        return cls(Path(path), None, made=False)

    def _claim(self) -> None:
        if self.mirror is not None:
            self.mirror.claim()
            if not is_run_folder(self.path):  # It was deleted in the store.
                raise _no_run(self.path)

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

    def release(self) -> None:
        """Let others hold the folder; a second call does nothing."""
        if self._held is not None:
            lock.release(self.path, self._held)

    def discard(self) -> None:
        """Delete the folder if `create` made it and this process still holds it: the run came to nothing.

        A folder that `open` took up stays as it is, but for the lock.
        """
        if self._made and self._held is not None and self._held.is_locked:
            remove(self.path)
            if self.mirror is not None:
                with contextlib.suppress(OSError):
                    self.mirror.discard()
        self.release()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def config(self) -> Path:
        """The whole resolved config, YAML."""
        return self.path / "config.yaml"

    @property
    def manifest(self) -> Path:
        """What was run, where, when and by whom; its status."""
        return self.path / _MANIFEST

    @property
    def metrics(self) -> Path:
        """A JSON object per iteration."""
        return self.path / "metrics.jsonl"

    @property
    def summary(self) -> Path:
        """Final and best results."""
        return self.path / "summary.json"

    @property
    def log(self) -> Path:
        """What Ray, RLlib and warnings had to say."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """The sealed checkpoints, see `rlexp.checkpoint.store`."""
        return self.path / "checkpoints"

    @property
    def wandb(self) -> Path:
        """W&B's own files."""
        return self.path / "wandb"

    @property
    def videos(self) -> Path:
        """Recorded episodes."""
        return self.path / "videos"

    @property
    def trace(self) -> Path:
        """The traceback of a run that failed."""
        return self.path / "error.txt"

    def write_config(self, config: dict[str, Any]) -> None:
        """Replace config.yaml by `config`, keys in the order given.

        Raises:
            TypeError: `config` holds something that is not plain data.
        """
        import yaml

        try:
            text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, default_flow_style=False)
        except yaml.representer.RepresenterError as error:
            raise TypeError(f"the config is not plain data: {error}") from error
        write_text(self.config, text)

    def update_manifest(self, **fields: Any) -> None:
        """Set `fields` in the manifest and keep the others."""
        known = self.read_manifest() if self.manifest.exists() else {}
        write_json(self.manifest, known | fields)

    def read_manifest(self) -> dict[str, Any]:
        """The manifest.

        Raises:
            ConfigError: it is missing or is not a JSON object.
        """
        try:
            manifest = json.loads(self.manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.manifest} cannot be read: {error}") from error
        if not isinstance(manifest, dict):
            raise ConfigError(f"{self.manifest} does not hold a JSON object")
        return manifest

    def _clear(self, overwrite: bool) -> None:
        """Delete the run that is there, or refuse to; manifest last, for a crash amid it."""
        if not overwrite and not self._came_to_nothing():
            raise ConfigError(
                f"a run is already in {self.place}",
                key="name",
                fix=f"rlexp resume {self.place}   (or another name=, or overwrite=true to delete it)",
            )
        _log.warning("deleting the earlier run in %s", self.path)
        for item in sorted(_others(self.path), key=lambda item: item.name == _MANIFEST):
            remove(item)

    def _came_to_nothing(self) -> bool:
        """Whether the run was interrupted before its first iteration."""
        trained = self.metrics.is_file() and self.metrics.stat().st_size
        stopped = self.read_manifest().get("status") == "stopped"
        return stopped and not trained and not self.checkpoints.exists()


def _inside(runs_dir: Path, name: str) -> Path:
    parts = Path(name).parts
    if not name.strip() or not parts or Path(name).is_absolute() or ".." in parts or "\0" in name:
        raise ConfigError(
            f"name={name!r} is not a folder's name below runs_dir={runs_dir}", key="name", fix="name=my_run"
        )
    return (runs_dir / name).absolute()


def _fetch(path: Path) -> None:
    """Brings what the store has of the run, if the folder is a copy of what lies in one."""
    mirror = Mirror.of(path)
    if mirror is None:
        return
    try:
        mirror.fetch()
    except OSError as error:
        raise _unwritable(path, error) from error


def _others(path: Path) -> list[Path]:
    """What lies in the folder besides the lock's own files."""
    return [item for item in path.iterdir() if item.name not in (*lock.FILES, STATE, SEEN)]


def _refuse_foreign(path: Path) -> None:
    """Refuse a folder with files but no manifest: it is not a run's, so nothing in it may be touched."""
    try:
        foreign = path.is_dir() and not is_run_folder(path) and _others(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    if foreign:
        raise ConfigError(
            f"{path} holds other files and is not a run's folder; it is left alone, overwrite=true or not",
            key="name",
            fix="name=<another name>",
        )


def _require_room(path: Path) -> None:
    """Write and delete a file: neither permissions nor the free space reported prove that writing works."""
    probe = path / ".probe.tmp"
    try:
        with probe.open("wb") as file:
            file.write(bytes(_ROOM))
            file.flush()
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> ConfigError:
    reason = plain_reason(error) or error.strerror or str(error).partition("\n")[0]
    return ConfigError(
        f"the run cannot be kept in {address(path)}: {reason}",
        key="runs_dir",
        fix="runs_dir=<another folder>",
    )


def _no_run(path: Path) -> ConfigError:
    if not path.exists():
        runs = (
            [item.name for item in path.parent.iterdir() if is_run_folder(item)]
            if path.parent.is_dir()
            else []
        )
        near = [str(path.parent / name) for name in get_close_matches(path.name, runs, n=3, cutoff=0.5)]
        return ConfigError(f"there is no {path}", suggestions=near)
    return ConfigError(
        f"{path} is not a run's folder: it has no {_MANIFEST}",
        fix="the folder that a run printed at its end, such as runs/<name>",
    )
