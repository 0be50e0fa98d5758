"""Seeding costs no seconds, and is RLlib's otherwise. In processes of their own: the mode is a process's."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SEEDED = """
import json, sys
import torch
{before}
from rlexp.engine.runners import guarded
from ray.rllib.utils.debug import update_global_seed_if_necessary
update_global_seed_if_necessary("torch", 5)
told = dict(
    draws=torch.rand(3).tolist(),
    deterministic=torch.are_deterministic_algorithms_enabled(),
    benchmark=torch.backends.cudnn.benchmark,
    compiler_loaded="torch._inductor" in sys.modules,
)
import torch._inductor.config
told["compiler_deterministic"] = torch._inductor.config.deterministic
print(json.dumps(told))
"""


def _told(before: str) -> dict:
    code = SEEDED.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.landing
def test_seeding_sets_what_rllib_sets_without_loading_the_compiler():
    ours = _told("")
    rllib = _told("import torch._inductor")  # Loaded before, RLlib's own seeding is called.
    assert not ours.pop("compiler_loaded")
    assert rllib.pop("compiler_loaded")
    assert ours == rllib
    assert ours["deterministic"] and ours["compiler_deterministic"]


@pytest.mark.slow
def test_runs_never_load_the_compiler(tmp_path):
    runs = [
        ["debug=tiny", f"algorithm={name}", f"runs_dir={tmp_path}", "tracking=none"]
        for name in ("ppo", "dqn")
    ]
    code = (
        f"import sys; from rlexp import compose, train; [train(compose(run)) for run in {runs}];"
        "assert 'torch._inductor' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
