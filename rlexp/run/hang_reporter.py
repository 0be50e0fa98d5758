"""Tells of a run whose process was ended by the interpreter's own timer, when nothing in that process could.

Native code that never returns and keeps the interpreter's lock leaves no Python able to close the run (see
`rlexp.environment.hangs.hang_watch`). So while a run trains, this file is a small process beside it, with nothing but
the standard library. The timer writes the stacks to it; once the run's process is gone it writes them to the run's
folder, marks the run as failed there and says so on the terminal.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlexp.storage.runs.run_folder import RunFolder
    from rlexp.terminal.messages import Terminal

REASON = (
    "the environments hang in native code that keeps Python's interpreter lock; error.txt has the stacks of all "
    "threads (hardware.sample_timeout_s allows more seconds, null any time)"
)
_END_S = 5.0


@contextlib.contextmanager
def reporting_hangs(folder: RunFolder, terminal: Terminal) -> Iterator[None]:
    """While inside, such an end is written to `folder` and to the terminal."""
    from rlexp.environment.hangs.watch_thread import stacks_to
    from rlexp.terminal.interrupt import children_keep_on

    command = [sys.executable, "-I", "-S", __file__, str(folder.path), *sys.path]
    with children_keep_on():
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=_stream(terminal.console.file),
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the run.
        )
    assert process.stdin is not None
    try:
        with stacks_to(process.stdin.fileno()):
            yield
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)


def _stream(file: IO[str]) -> Any:
    """`file` where a process can write to it: a notebook's output or a test's capture is none."""
    try:
        file.fileno()
    except (OSError, ValueError, AttributeError):
        return subprocess.DEVNULL
    return file


def tell(folder: Path, stacks: str) -> None:
    """Writes the stacks, manifest and summary, and the closing lines to stdout."""
    from rlexp.base.files.atomic import pointed, write_json, write_text
    from rlexp.base.files.json_records import read_object
    from rlexp.base.files.links import open_to_append
    from rlexp.base.files.lock import free_room
    from rlexp.run.bookkeeping.provenance import now
    from rlexp.storage.buckets.local_copies import address
    from rlexp.storage.runs import metrics_file
    from rlexp.terminal.final_summary import print_closing

    free_room(folder)
    write_text(folder / "error.txt", stacks)
    with os.fdopen(open_to_append(folder / "log.txt"), "a", encoding="utf-8") as log:
        log.write(stacks)
    manifest = read_object(folder / "manifest.json")
    if manifest.get("status") != "running":
        return
    ending = {"status": "failed", "reason": REASON}
    latest = pointed(folder / "checkpoints" / "latest")
    summary = {
        **ending,
        "env_steps": metrics_file.last_env_steps(folder / metrics_file.NAME),
        "checkpoint": f"checkpoints/{latest}" if latest else None,
    }
    write_json(folder / "summary.json", summary)
    write_json(folder / "manifest.json", {**manifest, **ending, "ended": now()})
    print_closing(summary, address(folder))
    print(f"error: {REASON}", flush=True)


def main(folder: str, *import_path: str) -> None:
    """Waits for the run's process to end; silent unless that left its stacks here."""
    stacks = sys.stdin.buffer.read().decode("utf-8", "replace")
    if stacks:
        sys.path[:] = import_path
        tell(Path(folder), stacks)


if __name__ == "__main__":
    main(*sys.argv[1:])
