"""`rlexp report` on real runs: whole, broken off, damaged; the page in a real browser where there is one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browser import BROWSER, COMPARED, drawn_charts
from harness import train_tiny

from rlexp.base.errors import EXIT_USAGE
from rlexp.cli.main import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two arms of two seeds; the last run's folder as a kill would leave it."""
    folder = tmp_path_factory.mktemp("report")
    for lr in (0.01, 0.001):
        for seed in (0, 1):
            train_tiny([f"seed={seed}", f"algorithm.lr={lr}", f"name=lr{lr}-{seed}"], folder)
    last = folder / "runs" / "lr0.001-1"
    (last / "summary.json").unlink()
    manifest = json.loads((last / "manifest.json").read_text())
    (last / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}))
    with (last / "metrics.jsonl").open("a") as lines:
        lines.write('{"env_steps": 99')
    return folder / "runs"


def test_several_runs_are_compared(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(runs), "--out", str(tmp_path), "--png"]) == 0
    assert str(tmp_path / "report.html") in capsys.readouterr().out
    data = json.loads((tmp_path / "report.json").read_text())
    repeated = {(f"lr={lr}", seed) for lr in (0.01, 0.001) for seed in (0, 1)}
    assert {(run["arm"], run["seed"]) for run in data["runs"]} == repeated
    assert [run["status"] for run in data["runs"]].count("running") == 1
    scores = [run["score"] for run in data["runs"] if run["arm"] == "lr=0.01"]
    arm = data["arms"]["lr=0.01"]
    assert (
        arm["iqm"] == pytest.approx(sum(scores) / 2)
        and arm["low"] == min(scores)
        and arm["high"] == max(scores)
    )
    ((library, tasks),) = json.loads((tmp_path / "marl_eval.json").read_text()).items()
    assert (
        library == "cartpole"
        and set(tasks) == {"CartPole-v1"}
        and set(tasks["CartPole-v1"]) == set(data["arms"])
    )
    shared = tasks["CartPole-v1"]["lr=0.01"]
    assert set(shared) == {"seed_0", "seed_1"}
    assert all(run["step_0"]["step_count"] > 0 for run in shared.values())
    ends = [list(run.values())[-2][data["metric"]][0] for run in shared.values()]
    assert sorted(ends) == sorted(scores) and all("absolute_metrics" in run for run in shared.values())
    told = data["parameters"]["lr"]
    assert [each["value"] for each in told["values"]] == ["0.001", "0.01"] and 0 <= told["importance"] <= 1
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']https?:""", page), "it opens without a network"
    drawn = set(re.findall(r'id="chart-([^"]+)"', page))
    assert drawn >= COMPARED
    for name in drawn:
        assert (tmp_path / "report" / f"{name}.svg").read_text().startswith("<svg")
        assert (tmp_path / "report" / f"{name}.png").read_bytes()[1:4] == b"PNG"


def test_one_run_has_a_page_in_its_folder_and_its_command_works(runs: Path) -> None:
    run = runs / "lr0.01-0"
    assert main(["report", str(run)]) == 0
    page = (run / "report.html").read_text()
    assert "lr0.01-0" in page and 'id="chart-wall_time"' in page
    assert 'id="chart-scores"' not in page, "one run has no interval"
    command = re.search(r"Run it again: <code>rlexp ([^<]*)</code>", page)
    assert command is not None
    assert main([*command[1].split(), "--cfg", "job"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{runs}/lr0.01-9"], "there is no"),
        (["{empty}"], "holds no run"),
        (["{runs}", "--metric", "train/retrun_mean"], "did you mean: train/return_mean"),
    ],
)
def test_a_wrong_path_or_metric_is_told(
    arguments: list[str], told: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(runs=runs, empty=tmp_path) for word in arguments]
    assert main(["report", *words, "--out", str(tmp_path / "out")]) == EXIT_USAGE
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_draws_every_chart_without_a_word_on_its_console(runs: Path, tmp_path: Path) -> None:
    assert main(["report", str(runs), "--out", str(tmp_path)]) == 0
    assert len(drawn_charts(tmp_path / "report.html", tmp_path / "profile")) >= 9
