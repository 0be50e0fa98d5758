"""Reading runs: as quick as it is for many, and no file brings the process down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from rlexp import compose
from rlexp.base.errors import ConfigError
from rlexp.base.yaml.reader import RunLoader, parse
from rlexp.config.convert import to_plain
from rlexp.report.reading import read


def run_of(folder: Path, config: str, rows: str = "") -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text(config)
    (folder / "manifest.json").write_text(json.dumps({"name": folder.name, "status": "done"}))
    (folder / "metrics.jsonl").write_text(rows)
    return folder


def test_a_config_is_what_was_written() -> None:
    plain = to_plain(compose(["algorithm=sac", "env=pendulum", "curriculum=none"]))
    text = yaml.safe_dump(plain)
    assert parse(text, "config.yaml", loader=RunLoader) == plain == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000 + "a", "{a: " * 5_000, "a: [1"])
def test_a_config_that_cannot_be_read_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml cannot be read"):
        read(run_of(tmp_path / "a", text))


def test_a_line_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    rows = '{"env_steps": 1}\n' + "[" * 200_000 + '\n{"env_steps": 2}\n{"env_ste'
    assert [row["env_steps"] for row in read(run_of(tmp_path / "a", "seed: 0", rows)).rows] == [1, 2]
