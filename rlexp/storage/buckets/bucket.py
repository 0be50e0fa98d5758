"""One folder in a store, by PyArrow's filesystems, which Ray Tune uses, too."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

WHOLE_READ = 64 << 20
"""Bytes; smaller files are read before they are written, so that what fails leaves nothing half written."""

BUCKETS = ("s3", "gcs", "abfs")
"""Kinds of filesystems that have no folders."""


class Bucket:
    """The files below an address; their names are relative to it, with slashes.

    All methods raise OSError where the store cannot be reached or refuses.

    Args:
        uri: such as `s3://lab/runs/first`.

    Raises:
        ValueError: no filesystem goes by that scheme.
    """

    def __init__(self, uri: str) -> None:
        scheme, _, rest = uri.partition("://")
        place, _, key = rest.strip("/").partition("/")
        self.uri = f"{scheme}://{place}/{key}".rstrip("/")
        self._system, base = _filesystem(f"{scheme}://{place}")
        self._base = f"{base.rstrip('/')}/{key}".rstrip("/")

    def sizes(self, name: str = "", *, deep: bool = True) -> dict[str, int]:
        """Size in bytes of each file there is below `name`, by the file's name."""
        from pyarrow.fs import FileSelector, FileType

        path = self._path(name) if name else self._base
        infos = self._system.get_file_info(FileSelector(path, allow_not_found=True, recursive=deep))
        base = f"{self._base.lstrip('/')}/"  # Some of fsspec's put a slash before all.
        return {
            info.path.lstrip("/").removeprefix(base): info.size
            for info in infos
            if info.type == FileType.File
        }

    def read(self, name: str, limit: int | None = None) -> bytes | None:
        """What a file holds, its first `limit` bytes at most; None where there is none."""
        try:
            with self._system.open_input_file(self._path(name)) as file:
                return bytes(file.read(limit))
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replaces a file at once: readers see the old or the new one."""
        with self._system.open_output_stream(self._writable_path(name)) as file:
            file.write(content)

    def upload(self, file: Path, name: str) -> None:
        """Replaces a file by one of this machine.

        Raises:
            FileNotFoundError: it is gone meanwhile.
        """
        if file.stat().st_size <= WHOLE_READ:
            self.write(name, file.read_bytes())
            return
        with file.open("rb") as source, self._system.open_output_stream(self._writable_path(name)) as target:
            shutil.copyfileobj(source, target, 1 << 22)

    def download(self, name: str, file: Path) -> bool:
        """Replaces a file of this machine at once; False where the store has none."""
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".tmp", dir=file.parent)
        try:
            with (
                os.fdopen(descriptor, "wb") as target,
                self._system.open_input_file(self._path(name)) as source,
            ):
                shutil.copyfileobj(source, target, 1 << 22)
            Path(aside).chmod(0o644)
            Path(aside).replace(file)
        except FileNotFoundError:
            return False
        finally:
            Path(aside).unlink(missing_ok=True)
        return True

    def delete(self, name: str) -> None:
        """Deletes a file; harmless where there is none."""
        try:
            self._system.delete_file(self._path(name))
        except FileNotFoundError:
            return

    def delete_all(self, name: str = "") -> None:
        """Deletes every file below `name`."""
        for each in self.sizes(name):
            self.delete(each)

    def _writable_path(self, name: str) -> str:
        """The file's path; its folder is made where there are folders."""
        path = self._path(name)
        if self._system.type_name not in BUCKETS:
            self._system.create_dir(path.rpartition("/")[0], recursive=True)
        return path

    def _path(self, name: str) -> str:
        return f"{self._base}/{name}"


@lru_cache(maxsize=16)
def _filesystem(root: str) -> tuple[FileSystem, str]:
    """By PyArrow's own, else by fsspec's of that scheme where its package is installed."""
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    try:
        # A small file is then one request, not three.
        filesystem, base = FileSystem.from_uri(
            f"{root}?allow_delayed_open=true" if root.startswith("s3:") else root
        )
        return filesystem, str(base)
    except ValueError as error:
        import fsspec

        scheme, _, place = root.partition("://")
        if scheme not in fsspec.available_protocols():
            raise ValueError(f"no store goes by {scheme}:// (s3, gs and abfs do)") from error
        return PyFileSystem(FSSpecHandler(fsspec.filesystem(scheme))), place
