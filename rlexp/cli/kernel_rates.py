"""Which kernels multiply matrices here, how fast, and what holds them back: for `rlexp doctor`.

numpy's alone are looked at unless torch's are asked for: importing torch takes seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

SIZE = 256
"""Rows, inputs and outputs of the linear layer that is timed: a minibatch of usual networks."""
VARIABLES: Mapping[str, str] = {
    "OPENBLAS_CORETYPE": "numpy multiplies with the kernels of that processor, whatever this one has",
    "OPENBLAS_L2_SIZE": "numpy cuts matrices for a cache of that size, whatever this processor has",
    "ONEDNN_MAX_CPU_ISA": "oneDNN uses no instructions beyond those",
    "DNNL_MAX_CPU_ISA": "oneDNN uses no instructions beyond those",
    "MKL_ENABLE_INSTRUCTIONS": "torch's MKL uses no instructions beyond those",
    "ATEN_CPU_CAPABILITY": "torch's own functions use no instructions beyond those",
    "NPY_DISABLE_CPU_FEATURES": "numpy's functions go without those instructions",
}
"""What each does that keeps a processor below its speed."""
_OPERATIONS = 2 * SIZE**3
_SECONDS = 0.01


def held_back(environment: Mapping[str, str] = os.environ) -> list[str]:
    """A warning for each variable that is set and may hold the kernels back."""
    return [
        f"{name}={environment[name]} is set: {effect}; unset it unless it is meant"
        for name, effect in VARIABLES.items()
        if environment.get(name)
    ]


def examine(with_torch: bool) -> dict[str, Any]:
    """What runs, and GFLOP/s of one thread in float32, by what multiplies.

    Args:
        with_torch: whether to look at torch and oneDNN, too.
    """
    import numpy  # noqa: F401, ICN001 (loads the library that is limited)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        found: dict[str, Any] = {"numpy": _blas(), "gflops": {"numpy": _numpys_rate()}}
        return found | _of_torch() if with_torch else found


def _blas() -> str:
    """numpy's library and the processor that its kernels are for."""
    from threadpoolctl import threadpool_info

    for library in threadpool_info():
        if library["user_api"] == "blas":
            core = library.get("architecture")
            return f"{library['internal_api']} {library['version']}" + (f" ({core})" if core else "")
    return "a library that threadpoolctl does not know"


def _numpys_rate() -> float:
    import numpy as np

    x, w = np.ones(
        (2, SIZE, SIZE), np.float32
    )  # The numbers do not matter, and numpy.random takes time to load.
    out, best, end = np.empty_like(x), np.inf, time.thread_time() + _SECONDS
    while time.thread_time() < end:
        start = time.thread_time()
        np.dot(x, w.T, out)
        best = min(best, time.thread_time() - start)
    return round(_OPERATIONS / best / 1e9, 1)


def _of_torch() -> dict[str, Any]:
    import torch

    from rlexp.engine.dense import kernel_timing, trials
    from rlexp.engine.dense.kernels import Kernels

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ways = Kernels("auto").by_name()
        seconds = kernel_timing.seconds(*trials.product("forward", (SIZE, SIZE, SIZE), ways))
    finally:
        torch.set_num_threads(threads)
    return {
        "torch": f"{torch.__version__} ({torch.backends.cpu.get_cpu_capability()})",
        "onednn": os.environ.get("ONEDNN_MAX_CPU_ISA") or "the processor's best instructions",
        "gflops": {name: round(_OPERATIONS / each / 1e9, 1) for name, each in seconds.items()},
    }
