"""What Ray's worker processes print, appended to the run's log instead of the terminal.

Imported only once Ray is running.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

from rlexp.base.files.links import open_to_append

NAME, RAYS_OWN = "rlexp_worker_log", "ray_print_logs"


class WorkerLog:
    """Takes the place of Ray's own printer of worker output, until `close`.

    Args:
        path: the file that lines are appended to, each after the worker's name and process id.
    """

    def __init__(self, path: Path) -> None:
        from ray._private.ray_logging import global_worker_stdstream_dispatcher as dispatcher

        self._dispatcher, self._lock = dispatcher, threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.fdopen(open_to_append(path), "a", encoding="utf-8", errors="replace")
        dispatcher.add_handler(NAME, self._write)
        dispatcher.remove_handler(RAYS_OWN)

    def _write(self, batch: dict[str, Any]) -> None:
        """Append one batch; an error here must not end Ray's reading thread."""
        if batch.get("pid") == "autoscaler":
            return
        # Ray marks some lines for itself (actor names, task ids); they mean nothing to a reader.
        lines = [line for line in batch.get("lines", ()) if not line.startswith(":")]
        who = f"({batch.get('actor_name') or batch.get('task_name') or 'worker'} pid={batch.get('pid')})"
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._file.writelines(f"{who} {line}\n" for line in lines)
            self._file.flush()

    def close(self) -> None:
        """Stop listening and close the file."""
        self._dispatcher.remove_handler(NAME)
        with self._lock:
            self._file.close()
