"""The graphics processors this process may use, found without importing torch."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/gpus")
QUERY = ("--query-gpu=index,uuid,name", "--format=csv,noheader")


def usable_gpus(environ: Mapping[str, str] | None = None, timeout_s: float = 3.0) -> tuple[str, ...]:
    """Names of the GPUs that `CUDA_VISIBLE_DEVICES` leaves visible, in the order CUDA numbers them.

    Asks `nvidia-smi` when a driver is there, and reads the driver's own files when that does not answer.
    """
    found = _from_smi(timeout_s) or _from_driver()
    return visible(found, (os.environ if environ is None else environ).get("CUDA_VISIBLE_DEVICES"))


def visible(found: list[tuple[str, str]], setting: str | None) -> tuple[str, ...]:
    """The names that `CUDA_VISIBLE_DEVICES=setting` shows of `found`, a list of (uuid, name) in index order.

    As CUDA reads it: indices or the beginnings of UUIDs, and everything after the first unknown one is
    hidden.
    """
    if setting is None:
        return tuple(name for _, name in found)
    shown: list[str] = []
    for entry in (part.strip() for part in setting.split(",")):
        if entry.isdigit() and int(entry) < len(found):
            shown.append(found[int(entry)][1])
            continue
        match = [name for uuid, name in found if entry and not entry.isdigit() and uuid.startswith(entry)]
        if len(match) != 1:
            break
        shown.append(match[0])
    return tuple(shown)


def _from_smi(timeout_s: float) -> list[tuple[str, str]]:
    command = shutil.which("nvidia-smi")
    if not command:
        return []
    try:
        answer = subprocess.run(
            [command, *QUERY], capture_output=True, text=True, timeout=timeout_s, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[field.strip() for field in line.split(",", 2)] for line in answer.stdout.splitlines()]
    return [(uuid, name) for _, uuid, name in (row for row in rows if len(row) == 3)]


def _from_driver() -> list[tuple[str, str]]:
    found = []
    for folder in sorted(DRIVER.iterdir()) if DRIVER.is_dir() else []:
        try:
            text = (folder / "information").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        found.append((fields.get("GPU UUID", "").strip(), fields.get("Model", "GPU").strip()))
    return found
