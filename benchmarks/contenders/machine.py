"""What the figures were measured on: the processor, and the instructions and kernel that oneDNN takes on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from contenders.process import environment

PRODUCT = """
import torch
torch.set_num_threads(1)
x, w, b = torch.rand(250, 256), torch.rand(256, 256), torch.rand(256)
torch.ops.mkldnn._linear_pointwise(x, w, b, "none", [], "")
"""


def processor() -> str:
    """Its name and architecture."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    name = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return f"{name[1] if name else platform.processor()} ({platform.machine()})"


def onednn() -> str:
    """The instructions that oneDNN found, and its kernel for a linear layer of 256; `none` where torch has none."""
    done = subprocess.run(
        [sys.executable, "-c", PRODUCT],
        env=environment([]) | {"ONEDNN_VERBOSE": "1"},
        cwd=os.sep,
        capture_output=True,
        text=True,
        check=False,
    )
    return onednn_told(done.stdout)


def onednn_told(output: str) -> str:
    """From what oneDNN prints with `ONEDNN_VERBOSE=1`."""
    isa = re.search(r"^onednn_verbose,(?:v1,)?info,cpu,isa:(.+)$", output, re.MULTILINE)
    kernel = re.search(r"^onednn_verbose,(?:v1,)?primitive,exec,cpu,\w+,([^,]+),", output, re.MULTILINE)
    found = [match[1] for match in (isa, kernel) if match]
    return ", ".join(found) or "none"
