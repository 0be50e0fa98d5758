"""Choices made on a machine before, in the user's cache folder: a file for each processor and set of libraries."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rlexp.base.files.atomic import write_json

FORMAT = 1
"""Raised where other kernels are measured, or in another way: what was chosen before is then chosen anew."""
VARIABLES = ("ATEN_CPU_", "DNNL_", "MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_")
"""How the environment variables begin that change which kernel a library runs, and on how many threads."""
_FLAGS = ("amx", "asimd", "avx", "f16c", "fma", "sse4", "sve")


def read() -> dict[str, str]:
    """What was chosen, by what it was chosen for; empty where there is no such file, or none that can be read."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        content = json.loads(_file().read_text(encoding="utf-8"))
        chosen = content.get("chosen") if isinstance(content, dict) else None
        if isinstance(chosen, dict):
            return {str(key): value for key, value in chosen.items() if isinstance(value, str)}
    return {}


def add(chosen: Mapping[str, str]) -> None:
    """Adds choices; those that another process has written since stay. Nothing if the folder cannot be written to."""
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: no home.
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"made_for": facts(), "chosen": {**chosen, **read()}})


def facts() -> dict[str, Any]:
    """What the choices hold for."""
    return {
        "format": FORMAT,
        "processor": processor(),
        "libraries": {name: version(name) for name in ("numpy", "torch")},
        "threads": torch.get_num_threads(),
        "environment": {k: v for k, v in sorted(os.environ.items()) if k.startswith(VARIABLES)},
    }


def processor() -> str:
    """The processor's name and the instruction sets that kernels are written for."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:  # Not Linux.
        return f"{platform.machine()} {platform.processor()}"
    lines = {name.strip().lower(): value.strip() for name, _, value in map(_split, text.splitlines())}
    flags = lines.get("flags") or lines.get("features") or ""
    name = lines.get("model name") or lines.get("cpu part") or platform.machine()
    numbers = [lines.get(each, "") for each in ("cpu family", "model")]
    return " ".join([name, *numbers, *sorted(flag for flag in flags.split() if flag.startswith(_FLAGS))])


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _file() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    key = hashlib.sha256(json.dumps(facts()).encode()).hexdigest()[:16]
    return cache / "rlexp" / f"kernels-{key}.json"
