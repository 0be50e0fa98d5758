"""A real sweep whose metric nothing logs."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import BATCH, CARTPOLE, run


@pytest.mark.slow
def test_a_real_sweep_without_scores_warns_and_ends_well(tmp_path: Path) -> None:
    (tmp_path / "silent_metric.py").write_text(
        "from ray.rllib.callbacks.callbacks import RLlibCallback\n"
        "class Silent(RLlibCallback):\n    METRICS = ('pace',)\n"
    )
    own = ("trusted=[rlexp,envs,callbacks,ray.rllib,silent_metric]",)
    own += ("callbacks=none", "+callbacks.silent={_target_: silent_metric.Silent}")
    words = ("-m", *CARTPOLE, *own, "sweep=asha", "sweep.search=grid", "sweep.trials=null", "sweep.name=a")
    words += (
        "seed=0,1",
        "sweep.concurrency=1",
        "sweep.metric=custom/pace_mean",
        f"stop.env_steps={9 * BATCH}",
    )
    code, text = run(*words, folder=tmp_path)
    assert code == 0, text
    assert "has no custom/pace_mean after" in text and "no trial has a score" in text
    code, text = run("evaluate", "sweeps/a", folder=tmp_path)
    assert code == 2 and "--metric train/return_mean" in text and "rlexp resume" not in text
