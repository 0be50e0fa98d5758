"""A real browser without a window, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"

COMPARED = {
    "train_return_mean_steps",
    "scores",
    "profiles",
    "improvement",
    "importance",
    "effects",
    "parallel",
    "wall_time",
    "sampling_time",
}
"""Charts of a report on several arms that have repetitions."""


def drawn_charts(page: Path, profile: Path) -> list[str]:
    """Opens a report; names of its charts, each of which must have been drawn, with nothing said on the console."""
    more = ["--enable-logging=stderr", "--virtual-time-budget=10000", f"--user-data-dir={profile}"]
    words = [str(BROWSER), *FLAGS.split(), *more, "--dump-dom", page.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    charts = re.findall(r'<div class="chart[^>]*>', done.stdout)
    assert charts and all('data-drawn="yes"' in chart for chart in charts)
    sizes = re.findall(r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"', done.stdout)
    assert len(sizes) >= len(charts) and all(float(w) > 50 and float(h) > 20 for w, h in sizes), sizes
    assert "CONSOLE" not in done.stderr
    return [name for chart in charts for name in re.findall(r'id="chart-([^"]+)"', chart)]
