"""`rlexp list` over the shipped choices and a lab's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rlexp.base.errors import ConfigError
from rlexp.cli import config_catalogue, listing
from rlexp.config.labs.search_path import config_dirs, shipped_conf

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(file for file in shipped_conf().rglob("*.yaml"))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab with two choices, the working directory inside it."""
    (tmp_path / "pyproject.toml").write_text('[tool.rlexp]\nconf = "conf"\npackages = []\n')
    env = tmp_path / "conf" / "env"
    env.mkdir(parents=True)
    (env / "maze.yaml").write_text(
        "# A maze # of our own.\n"
        "id: maze.Maze     # import path\n"
        "config:\n"
        "  # cells along one side\n"
        "  size: 5\n"
        "  name: 'a # b'   # what it is called\n"
        "wrappers:\n"
        "- _target_: maze.Scale\n"
        "  factor: 2       # an argument of a wrapper\n"
    )
    (env / "_part.yaml").write_text("# Not a choice.\n")
    other = tmp_path / "conf" / "robot"
    other.mkdir()
    (other / "arm.yaml").write_text("# @package _global_\n# An arm.\nenv: {id: arm}\n")
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.delenv("RLEXP_LAB", raising=False)
    return tmp_path


@pytest.mark.parametrize("file", SHIPPED, ids=lambda f: f.relative_to(shipped_conf()).as_posix())
def test_every_shipped_file_says_what_it_is(file: Path) -> None:
    described = config_catalogue.describe(file)
    assert len(described) > 10, f"{file} needs a first comment line"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda f: f.relative_to(shipped_conf()).as_posix())
def test_keys_read_as_text_are_those_that_yaml_reads(file: Path) -> None:
    group = file.parent.relative_to(shipped_conf()).as_posix()
    found = config_catalogue.keys(file, "" if group == "." else group)
    content = yaml.safe_load(file.read_text()) or {}
    for key in found:
        names = key.path.split(".")[0 if group == "." else 1 :]
        value = content
        for name in names:
            value = value[name]
        if key.value and not key.value.startswith(("{", "[", "${")):
            assert yaml.safe_load(key.value) == value, key


def test_list_has_every_group_and_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert listing.run(["--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    for file in SHIPPED:
        if file.parent != shipped_conf():
            group = file.parent.relative_to(shipped_conf()).as_posix()
            assert data[group][file.stem]["description"] == config_catalogue.describe(file)
    listing.run([])
    text = capsys.readouterr().out
    assert "callbacks\n" in text and "  progress (default)" in text
    assert max(len(line) for line in text.splitlines()) <= listing.WIDTH
    assert "debug" in text.splitlines() and "debug/" not in text, "groups inside groups choose themselves"


def test_a_group_is_listed_with_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    listing.run(["callbacks"])
    text = capsys.readouterr().out
    assert "callbacks.progress.every_s=10.0" in text and "seconds between plain lines" in text
    assert "evaluation" not in text.splitlines()


def test_an_unknown_group_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no group 'callback'") as caught:
        listing.run(["callback"])
    assert caught.value.suggestions[0] == "callbacks"
    assert "write: rlexp list callbacks" in str(caught.value)


def test_a_labs_choices_stand_beside_the_shipped_ones(lab: Path) -> None:
    found = config_catalogue.groups(config_dirs())
    assert found["env"]["maze"].description == "A maze # of our own."
    assert found["env"]["maze"].file == lab / "conf" / "env" / "maze.yaml"
    assert "_part" not in found["env"]
    assert found["robot"]["arm"].description == "An arm."
    assert list(found)[-1] == "robot", "groups of config.yaml come first"


def test_keys_of_a_file_with_every_kind_of_comment(lab: Path) -> None:
    keys = config_catalogue.keys(lab / "conf" / "env" / "maze.yaml", "env")
    assert [(key.path, key.value, key.comment) for key in keys] == [
        ("env.id", "maze.Maze", "import path"),
        ("env.config.size", "5", "cells along one side"),
        ("env.config.name", "'a # b'", "what it is called"),
        ("env.wrappers", "", ""),
    ]
    assert config_catalogue.keys(lab / "conf" / "robot" / "arm.yaml", "robot") == []


def test_neither_needs_heavy_imports() -> None:
    code = (
        "import sys, time; start = time.process_time()\n"
        "from rlexp.cli import help, listing; help.page(); help.run(['all']); listing.run([])\n"
        "heavy = {'ray', 'torch', 'gymnasium', 'hydra', 'omegaconf', 'wandb', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "seconds = time.process_time() - start\n"
        "assert seconds < 1.0, seconds\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
