"""Stock torch still loads its compiler where the patches keep it out: where one of these fails, its row can go."""

from __future__ import annotations

import subprocess
import sys

import pytest


def _loaded(code: str, module: str) -> bool:
    """Whether a fresh process has a module loaded after it has run the code."""
    command = f"import sys, torch\n{code}\nprint({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1] == "True"


def test_torch_wraps_an_optimisers_methods_for_its_compiler() -> None:
    from torch.optim import Optimizer

    from rlexp.compat.torch import _COMPILER_LOADERS

    for name in _COMPILER_LOADERS:
        assert hasattr(getattr(Optimizer, name), "__wrapped__"), name


@pytest.mark.slow
def test_making_an_optimiser_loads_torchs_compiler() -> None:
    code = "torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])"
    assert _loaded(code, "torch._dynamo") and not _loaded("", "torch._dynamo")


def test_the_deterministic_mode_loads_torchs_compiler() -> None:
    import inspect

    import torch

    assert "torch._inductor" in inspect.getsource(torch.use_deterministic_algorithms)


@pytest.mark.slow
def test_turning_the_deterministic_mode_on_loads_it_in_a_process_of_its_own() -> None:
    assert _loaded("torch.use_deterministic_algorithms(True)", "torch._inductor")
