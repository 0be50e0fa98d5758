"""What draws a report's charts fails alone: there is a page, and it says so."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from harness import address_space

from rlexp.report.drawing.charts import Chart
from rlexp.report.drawing.page import write_page
from rlexp.report.drawing.pictures import DrawingProcess

POINT = {
    "data": {"values": [{"x": 1}]},
    "mark": "point",
    "encoding": {"x": {"field": "x", "type": "quantitative"}},
}
CONTENT = {"title": "t", "subtitle": "s", "bests": [], "columns": [], "rows": [], "facts": []}
BOUND = 3 << 30
"""Bytes of address space: Python has enough of it, V8 reserves more."""
BOUND_OF_SWEEP_KIB = 48 << 20
"""Ray has enough of it, V8 does not."""


@pytest.fixture
def bounded() -> object:
    """Processes that this one starts have so much address space, as under `ulimit -v`."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (max(BOUND, address_space() + (1 << 30)), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_without_address_space_there_is_a_page_without_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounded: object
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with DrawingProcess() as drawing:
        written, trouble = write_page(
            tmp_path / "r.html",
            [Chart("c", "A chart", "", POINT)],
            CONTENT,
            pictures=["svg"],
            drawing=drawing,
        )
    assert written == [tmp_path / "r.html"] and len(trouble) == 1 and "V8" in trouble[0]
    page = (tmp_path / "r.html").read_text()
    assert "This page has no charts" in page and trouble[0].partition(":")[0] in page


def test_one_chart_that_cannot_be_drawn_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of the present folder is loaded."""
    (tmp_path / "base64.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    with DrawingProcess() as drawing:
        drawn = drawing.draw({"good": POINT, "bad": {"mark": "nothing", "data": 3}}, ["svg"])
    assert set(drawn.pictures) == {("good", "svg")} and drawn.pictures["good", "svg"].startswith(b"<svg")
    assert len(drawn.trouble) == 1 and drawn.trouble[0].startswith("bad was not drawn")


def test_no_process_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError), DrawingProcess() as drawing:
        1 / 0  # noqa: B018
    assert drawing._process is not None and drawing._process.poll() is not None


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with DrawingProcess() as drawing:
        assert "no process can be started" in drawing.draw({"a": POINT}, ["svg"]).trouble[0]


def test_a_sweep_loads_nothing_that_draws() -> None:
    """V8 in the sweep's own process ends it where address space is short, and so would fonts or a browser."""
    code = (
        "import sys, rlexp.sweep.multirun, rlexp.sweep.execution.run_trials, rlexp.report.writing, rlexp.cli.main;"
        "print([m for m in ('vl_convert', 'matplotlib', 'jinja2', 'pandas', 'optuna', 'wandb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
def test_a_sweep_under_a_bound_of_address_space_is_done_and_says_what_is_missing(tmp_path: Path) -> None:
    words = (
        "-m",
        "env=cartpole",
        "seed=0,1",
        "hardware=local",
        "callbacks=none",
        "debug=tiny",
        "tracking=none",
    )
    bounded = f'ulimit -v {BOUND_OF_SWEEP_KIB}; exec {sys.executable} -m rlexp.cli.main "$@"'
    done = subprocess.run(
        ["bash", "-c", bounded, "-", *words, "sweep.name=a"],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, env={**os.environ, "WANDB_MODE": "offline"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "sweeps" / "a"
    assert {t["status"] for t in json.loads((folder / "sweep.json").read_text())["trials"].values()} == {
        "done"
    }
    assert (folder / "report.html").is_file() and "no picture" in done.stdout + done.stderr
