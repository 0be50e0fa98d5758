"""Whatever text or number a run carries, a report shows it as text, and its charts are drawn."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from browser import BROWSER, drawn_charts

from rlexp.report.drawing import html_safe
from rlexp.report.drawing.charts import Chart
from rlexp.report.drawing.page import write_page
from rlexp.report.drawing.pictures import DrawingProcess
from rlexp.report.writing import report

HOSTILE = [
    "<!--<script> ]]>--><svg onload=alert(1)> &lt;b&gt;",
    "</script><script>alert(1)</script> \" ' ` ${x} {{ 7*7 }} {% raw %}",
    "\u2028\u2029 \x1b[31m \x07 \ufffe datum.x + signal('y') \\u003c/script>",
]


METRIC = HOSTILE[0]


def made(folder: Path, number: int, text: str) -> None:
    run = folder / f"r{number}"
    run.mkdir(parents=True)
    config = {"seed": number % 2, "env": {"id": text}, "algorithm": {"note": text, "lr": 0.1 * (number // 2)}}
    manifest = {
        "status": text, "choices": {"env": "gym", "algorithm": text}, "overrides": ["algorithm.note=x"], "host": text,
        "packages": {text: text}, "git_commit": text, "start": text,
    }  # fmt: skip
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    (run / "manifest.json").write_text(json.dumps(manifest))
    (run / "summary.json").write_text(json.dumps({"best_eval_return_mean": 1.0}))
    rows = [
        {"env_steps": step, "perf/wall_s": step / 10, "train/return_mean": float(number + step), METRIC: float(number),
         f"eval/success/{text}": 0.5, "perf/iteration_s": 1.0, "perf/env_s": 1.0}
        for step in (10, 20)
    ]  # fmt: skip
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on runs whose every text is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    for at, text in enumerate(HOSTILE):
        made(folder / "runs", 2 * at, text)
        made(folder / "runs", 2 * at + 1, text)
    report([folder / "runs"], folder / "out", metrics=[METRIC])
    return folder / "out"


def read(page: str) -> dict[str, Any]:
    """The charts that a page holds, as a browser would find them."""
    specs = re.search(r'<script type="application/json" id="specs">(.*?)</script>', page, re.DOTALL)
    assert specs is not None and not set("<>&\u2028\u2029") & set(specs[1])
    assert len(re.findall(r"<script[^>]*>", page)) == 3 and "<!--" not in page
    assert "<svg onload" not in page and "alert(1)</script>" not in page and "\x1b" not in page
    return json.loads(specs[1])


def test_a_page_has_no_sign_that_html_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rlexp.report.drawing.page.load_bundle", lambda: "window.vegaEmbed = '</script><!--<script>'"
    )
    charts = [
        Chart(f"c{at}", text, text, {"data": {"values": [{text: text, "x": math.nan}]}}, text)
        for at, text in enumerate(HOSTILE)
    ]
    rows = [{"run": text, "status": text} for text in HOSTILE]
    content = {
        "title": HOSTILE[0],
        "subtitle": HOSTILE[1],
        "bests": [],
        "columns": ["run", "status"],
        "rows": rows,
    }
    facts = [(text, text) for text in HOSTILE]
    page = tmp_path / "r.html"
    write_page(page, charts, {**content, "facts": facts}, pictures=["svg"], drawing=DrawingProcess())
    specs = read(page.read_text(encoding="utf-8"))
    assert specs["c0"][0]["data"]["values"] == [{HOSTILE[0]: HOSTILE[0], "x": None}], (
        "the text is there as it was"
    )


@pytest.mark.slow
def test_a_report_on_runs_whose_every_text_is_hostile(written: Path) -> None:
    assert len(read((written / "report.html").read_text(encoding="utf-8"))) >= 9
    pictures = sorted((written / "report").glob("*.svg"))
    assert len(pictures) >= 9
    for picture in pictures:
        root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
        assert root.tag.endswith("svg"), picture
        assert not any("script" in element.tag or "onload" in element.attrib for element in root.iter())


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_draws_all_of_it(written: Path, tmp_path: Path) -> None:
    assert len(drawn_charts(written / "report.html", tmp_path / "profile")) >= 9


def test_numbers_that_are_none_become_null_and_halves_of_signs_a_replacement() -> None:
    told = {"a": [float("nan"), float("inf"), 1.5], "\ud800": "x\udfffy\x00", "n": (1, None, True)}
    assert json.loads(html_safe.data(told)) == {
        "a": [None, None, 1.5],
        "\ufffd": "x\ufffdy\ufffd",
        "n": [1, None, True],
    }
    assert html_safe.text("a\tb\nc\u00e9") == "a\tb\nc\u00e9"


def test_a_script_keeps_its_meaning_where_html_would_read_its_strings() -> None:
    source = 'a="</script>";b="<!--<script>";c=1<!--x\n;d=2<3'
    assert "</script" not in html_safe.script(source) and html_safe.script("d=2<3") == "d=2<3"
    assert r'b="\x3c!--\x3cscript>"' in html_safe.script(source)
