"""A sweep from Python: refused before anything starts, told as a dataframe, gone on with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rlexp

TINY = ["hardware=local", "callbacks=none", "debug=tiny", "tracking=none", "evaluation=none"]


def test_what_is_no_sweep_is_told(tmp_path: Path) -> None:
    with pytest.raises(rlexp.ConfigError, match="no sweep's folder"):
        rlexp.trials(tmp_path)
    with pytest.raises(rlexp.ConfigError, match="no sweep's folder"):
        rlexp.resume_multirun(tmp_path / "nowhere")


def test_refused_before_anything_starts(tmp_path: Path) -> None:
    place = f"sweep.dir={tmp_path}"
    with pytest.raises(rlexp.ConfigError, match="nobody to tell it to"):
        rlexp.multirun([*TINY, "seed=1,2", place, "sweep.plan=true"])
    with pytest.raises(rlexp.ConfigError, match=r"algorithm\.lrr"):
        rlexp.multirun([*TINY, "algorithm.lrr=1,2", place])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_table_with_real_values_best_first_and_more_of_it_later(tmp_path: Path) -> None:
    words = ["algorithm=ppo,impala", "algorithm.lr=1e-3,2", f"sweep.dir={tmp_path}", "sweep.name=four"]
    sweep = rlexp.multirun([*TINY, *words])
    assert (sweep.status, sweep.exit_code) == ("done", 0) and sweep.report and sweep.report.is_file()
    table = sweep.table()
    assert set(table["algorithm"]) == {"ppo", "impala"} and set(table["algorithm.lr"]) == {1e-3, 2}
    assert table["algorithm.lr"].dtype == np.float64 and table.attrs["metric"] == "train/return_mean"
    scores = table["score"].dropna().to_list()
    assert scores == sorted(scores, reverse=True) and len(scores) == 4
    assert sweep.best == Path(table["folder"].iloc[0])
    rlexp.load(sweep.best)

    further = int(table["env_steps"].max()) + 1000
    longer = rlexp.resume_multirun(sweep.folder, [f"stop.env_steps={further}", "stop.iterations=null"])
    assert longer.status == "done"
    assert (longer.table()["env_steps"] >= further).all()
