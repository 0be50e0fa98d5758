"""Torch's deterministic mode as RLlib's seeding turns it on, without loading torch's compiler for it.

Imported only once training starts: it imports RLlib.
"""

from __future__ import annotations

import os
import sys

import torch
from ray.rllib.utils.debug import deterministic
from ray.rllib.utils.torch_utils import set_torch_seed

from rlexp.compat.applied import usable

_FOR_COMPILER = "TORCHINDUCTOR_DETERMINISTIC"
"""What torch's compiler reads when it is loaded: the other half of `torch.use_deterministic_algorithms`."""


def seed_without_compiler() -> None:
    """Makes RLlib's seeding quick in this process: loading the compiler takes seconds, and few runs compile."""
    if usable("rllib.seeding") and usable("torch.deterministic_mode"):
        deterministic.set_torch_seed = _set_torch_seed


def _set_torch_seed(seed: int | None = None) -> None:
    if seed is None or torch.version.cuda or "torch._inductor" in sys.modules:
        set_torch_seed(seed)  # Where it has CUDA, RLlib leaves the mode alone.
        return
    torch.manual_seed(seed)
    os.environ[_FOR_COMPILER] = "1"
    torch._C._set_deterministic_algorithms(True, warn_only=False)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
