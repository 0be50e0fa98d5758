"""What a config takes from the environment and looks like a secret is in no file; the run has it all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rlexp.base.errors import ConfigError
from rlexp.config import saved_config
from rlexp.config.convert import to_plain
from rlexp.run.checks import check
from rlexp.run.compose import compose
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.planning.plan import plan

LAB = """\
# @package _global_
env:
  config:
    password: ${oc.env:LAB_PASSWORD}
    login: "me:${oc.env:LAB_PASSWORD}@db"
    again: ${env.config.password}
    address: ${oc.env:LAB_ADDRESS}
    folder: ${oc.env:LAB_FOLDER}
    deep: [{key: "${oc.env:LAB_PAT}"}]
tracking: {wandb: {notes: "in ${oc.env:LAB_FOLDER}"}}
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lab" / "experiment").mkdir(parents=True)
    (tmp_path / "lab" / "experiment" / "x.yaml").write_text(LAB)
    for name, value in {
        "LAB_PASSWORD": "hunter2",
        "LAB_ADDRESS": "postgres://me:hunter3@db/x",
        "LAB_FOLDER": "/data",
        "LAB_PAT": "hunter4",
        "RLEXP_SEARCH_PATH": str(tmp_path / "lab"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_run_has_the_secret_and_its_files_have_the_interpolation(lab: Path) -> None:
    config = compose(["experiment=x"])
    assert config.env.config["password"] == config.env.config["again"] == "hunter2"
    assert config.env.config["deep"] == [{"key": "hunter4"}] and config.env.config["folder"] == "/data"
    written = to_plain(config)
    assert "hunter" not in yaml.safe_dump(written)
    assert written["env"]["config"]["password"] == "${oc.env:LAB_PASSWORD}"
    assert written["env"]["config"]["deep"] == [{"key": "${oc.env:LAB_PAT}"}]
    assert (
        written["env"]["config"]["folder"] == "/data" and written["tracking"]["wandb"]["notes"] == "in /data"
    )


def test_the_command_line_too(lab: Path) -> None:
    config = compose(["+env.config.token=${oc.env:LAB_PASSWORD}"])
    assert config.env.config["token"] == "hunter2"
    assert to_plain(config)["env"]["config"]["token"] == "${oc.env:LAB_PASSWORD}"


def test_a_saved_run_looks_nothing_up_but_what_the_command_line_says(lab: Path) -> None:
    with RunFolder.create(lab / "runs", "a") as folder:
        folder.write_config(to_plain(compose(["+env.config.token=${oc.env:LAB_PASSWORD}", "tracking=none"])))
    file = folder.config
    given = ["env.config.token=${oc.env:LAB_PASSWORD}"]
    for way in (
        lambda: saved_config.read(file),
        lambda: saved_config.read(file, ["seed=3", "env.config={a: 1}"]),
        lambda: compose([], config_dir=folder.path),
        lambda: saved_config.with_overrides({"env": {"config": {"a": "${oc.env:LAB_PASSWORD}"}}}, ["seed=3"]),
    ):
        with pytest.raises(ConfigError) as refused:
            way()
        assert "${oc.env:LAB_PASSWORD}" in str(refused.value) and "hunter2" not in str(refused.value)
    before = saved_config.read(file, given)
    after = saved_config.with_overrides(before, given)
    saved_config.refuse_frozen(before, after)
    again = check(saved_config.composed(after, {}, before))
    assert again.env.config["token"] == "hunter2" and "hunter2" not in yaml.safe_dump(to_plain(again))
    rerun = compose(given, config_dir=folder.path)
    assert rerun.env.config["token"] == "hunter2" and "hunter2" not in yaml.safe_dump(to_plain(rerun))


def test_a_sweep_would_have_to_write_it_and_says_so(lab: Path) -> None:
    with pytest.raises(ConfigError, match="looks like a secret") as refused:
        plan(["+env.config.token=${oc.env:LAB_PASSWORD}", "seed=0,1"])
    assert "hunter2" not in str(refused.value)
