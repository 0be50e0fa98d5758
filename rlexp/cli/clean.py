"""`rlexp clean`: ends what dead drivers left running, deletes their temporary files, marks their runs as failed.

Only processes that rlexp's own sessions started, and only when their driver is dead: nobody else's cluster.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import remove
from rlexp.base.files.json_records import read_object
from rlexp.base.processes import leftovers, scratch
from rlexp.base.shell_commands import shell_command

DEPTH = 4
"""How deep folders are searched: `sweeps/<name>/trials/<trial>/manifest.json` is the deepest."""


def run(argv: Sequence[str]) -> int:
    """The command; returns its exit code: 0, or 1 when something could not be ended."""
    parser = argparse.ArgumentParser(prog="rlexp clean", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, help="folders of runs; by default runs and sweeps")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    arguments = parser.parse_args(list(argv))
    stuck = _end_processes(arguments.dry_run)
    _delete_temporary(arguments.dry_run)
    _mark_runs(arguments.paths or [Path("runs"), Path("sweeps")], arguments.dry_run)
    return 1 if stuck else 0


def _end_processes(dry_run: bool) -> list[int]:
    processes = leftovers.find()
    verb = "would end" if dry_run else "ended"
    stuck = [] if dry_run else leftovers.end([process.pid for process in processes])
    for process in processes:
        message = "could not end" if process.pid in stuck else verb
        print(f"{message} process {process.pid} ({process.name}) of the dead driver {process.driver}")
    if not processes:
        print("no processes of dead drivers")
    return stuck


def _delete_temporary(dry_run: bool) -> None:
    for path in [*scratch.abandoned(), *leftovers.abandoned_sessions()]:
        try:
            if not dry_run:
                remove(path)
            print(f"{'would delete' if dry_run else 'deleted'} {path}")
        except OSError as error:
            print(f"could not delete {path}: {error.strerror}")


def _mark_runs(folders: Sequence[Path], dry_run: bool) -> None:
    for path in abandoned_runs(folders):
        if dry_run:
            print(f"would mark {path} as failed: its driver is dead")
        elif _mark(path):
            print(
                f"marked {path} as failed: its driver is dead; continue it with: {shell_command('resume', path)}"
            )


def abandoned_runs(folders: Sequence[Path]) -> list[Path]:
    """Run folders under `folders` whose manifest says `running` on this host, by a process that is dead."""
    return [path for folder in folders for path in _run_folders(folder, DEPTH) if _abandoned(path)]


def _run_folders(folder: Path, depth: int) -> Iterator[Path]:
    if (folder / "manifest.json").is_file():
        yield folder
    elif depth > 0 and folder.is_dir():
        for inner in sorted(folder.iterdir()):
            if inner.is_dir() and not inner.is_symlink():
                yield from _run_folders(inner, depth - 1)


def _abandoned(path: Path) -> bool:
    import psutil

    try:
        manifest = read_object(path / "manifest.json")
        if manifest.get("status") != "running" or manifest.get("host") != socket.gethostname():
            return False
        driver = psutil.Process(int(manifest["pid"]))
        started = datetime.fromisoformat(manifest["start"]).timestamp()
    except psutil.NoSuchProcess:
        return True
    except (ConfigError, psutil.Error, ArithmeticError, ValueError, KeyError, TypeError):
        return False
    # A process that is younger than the run has the driver's id by chance.
    return driver.status() == psutil.STATUS_ZOMBIE or driver.create_time() > started + 60


def _mark(path: Path) -> bool:
    """Set the manifest's status; False when another process holds the folder after all."""
    from rlexp.storage.runs.run_folder import RunFolder

    try:
        with RunFolder.open(path) as folder:
            if not _abandoned(path):
                return False
            end = datetime.now(UTC).isoformat(timespec="seconds")
            folder.update_manifest(status="failed", end=end)
    except ConfigError as error:
        print(f"left {path} as it is: {error}")
        return False
    return True
