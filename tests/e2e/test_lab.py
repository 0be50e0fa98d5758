"""A lab's own repository beside a checkout: its choices are found, and what would be hidden is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT, cli, records
from lab_course import add_parts

from rlexp.base.errors import ConfigError
from rlexp.config.labs.search_path import config_dirs, find_lab

TABLE = '[tool.rlexp]\nconf = "conf"\npackages = ["my_lab"]\n'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labs")
    assert cli("init", "my_lab", cwd=folder).returncode == 0
    add_parts(folder / "my_lab")
    return folder / "my_lab"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab with a table, a `conf` and a package, all but empty."""
    monkeypatch.delenv("RLEXP_LAB", raising=False)
    root = tmp_path / "small"
    (root / "conf" / "env").mkdir(parents=True)
    (root / "my_lab").mkdir()
    (root / "my_lab" / "__init__.py").write_text("")
    (root / "pyproject.toml").write_text(TABLE)
    monkeypatch.chdir(root)
    return root


def python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a process of its own, whose working directory comes first on `sys.path`."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    environment.pop("RLEXP_LAB", None)
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_its_own_tests_pass(lab: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=lab,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.slow
@pytest.mark.landing
def test_an_experiment_of_its_own_runs_from_a_folder_below(lab: Path) -> None:
    (lab / "conf" / "experiment" / "climb.yaml").write_text(
        "# @package _global_\n# The ladder, climbed.\n"
        "defaults:\n  - override /env: my_lab_ladder\n  - override /callbacks: [episode_stats]\n"
        "env:\n  config:\n    rungs: 7   # a higher one\n"
    )
    below = lab / "notebooks"
    below.mkdir()
    assert "climb" in cli("list", "experiment", cwd=below).stdout
    done = cli(
        "experiment=climb",
        "debug=tiny",
        "hardware=local",
        "name=climb",
        f"runs_dir={lab / 'runs'}",
        cwd=below,
    )
    assert done.returncode == 0, done.stderr
    run = lab / "runs" / "climb"
    assert "rungs: 7" in (run / "config.yaml").read_text()
    assert records(run)[-1]["env_steps"] > 0
    # A policy is loaded below, too: its checkpoint names the lab's package.
    code = (
        "import rlexp, sys; p = rlexp.load(sys.argv[1]); e = rlexp.make_env(sys.argv[1]);"
        "o, _ = e.reset(seed=0); print(o.shape, p.action_space.contains(p.act(o)))"
    ).replace("sys.argv[1]", repr(str(run)))
    assert python(code, below).stdout == "(7,) True\n"


def test_from_elsewhere_it_is_named_by_a_variable(lab: Path, tmp_path: Path) -> None:
    words = ("env=my_lab_ladder", "--cfg", "job", "--package", "env")
    assert "my_lab.envs.ladder.Ladder" in cli(*words, cwd=tmp_path, RLEXP_LAB=str(lab)).stdout
    without = cli(*words, cwd=tmp_path)
    assert without.returncode == 2 and "env=my_lab_ladder: there is no such choice" in without.stderr
    wrong = cli(*words, cwd=tmp_path, RLEXP_LAB=str(tmp_path))
    assert wrong.returncode == 2 and f"RLEXP_LAB={tmp_path}" in wrong.stderr


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("env/cartpole.yaml", "the choice env=cartpole"),
        ("debug/algorithm/tiny-ppo.yaml", "the choice debug/algorithm=tiny-ppo"),
        ("config.yaml", "the config config"),
    ],
)
def test_a_choice_that_would_never_be_used_is_refused(small: Path, file: str, what: str) -> None:
    mine = small / "conf" / file
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("# Mine.\nid: Acrobot-v1\n")
    with pytest.raises(ConfigError, match=f"two files are {what}") as caught:
        config_dirs()
    assert str(mine) in str(caught.value) and str(CHECKOUT / "conf" / file) in str(caught.value)
    mine.rename(mine.with_stem("my_choice"))
    assert config_dirs()[-1] == small / "conf"


def test_a_main_config_of_its_own(small: Path) -> None:
    (small / "conf" / "mine.yaml").write_text("defaults:\n  - config\n  - _self_\nseed: 41\n")
    done = cli("-cn", "mine", "--cfg", "job", cwd=small)
    assert "seed: 41" in done.stdout and "config_class: ray.rllib.algorithms.ppo.PPOConfig" in done.stdout


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("[tool.rlexp\n", "not valid TOML"),
        ('[tool]\nrlexp = "conf"\n', "tool.rlexp must be a table"),
        (
            '[tool.rlexp]\nconfig = "conf"\n',
            "no key 'config' (there are: conf, packages)\n  did you mean: conf",
        ),
        ("[tool.rlexp]\nconf = 3\n", "conf must be a folder's name, got 3"),
        ('[tool.rlexp]\nconf = "choices"\n', "conf = 'choices': there is no folder"),
        ('[tool.rlexp]\npackages = "my_lab"\n', "must be a list of package names"),
        ('[tool.rlexp]\npackages = ["my-lab"]\n', "must be a list of package names"),
        ('[tool.rlexp]\npackages = ["envs"]\n', "rlexp has its own envs; use another name"),
    ],
)
def test_a_wrong_table_is_told(small: Path, table: str, told: str) -> None:
    (small / "pyproject.toml").write_text(table)
    with pytest.raises(ConfigError) as caught:
        find_lab()
    assert told in str(caught.value) and str(small / "pyproject.toml") in str(caught.value)


def test_a_wrong_table_ends_a_command_with_one_message(small: Path) -> None:
    (small / "pyproject.toml").write_text("[tool.rlexp]\nconf = 3\n")
    done = cli("list", "env", cwd=small)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_a_package_that_is_not_there(small: Path) -> None:
    (small / "pyproject.toml").write_text(TABLE.replace("my_lab", "her_lab"))
    done = cli("--cfg", "job", cwd=small)
    assert done.returncode == 2 and "packages names 'her_lab', and there is no such package" in done.stderr


@pytest.mark.parametrize("module", ["callbacks", "envs", "my_lab"])
def test_a_module_that_hides_a_package_is_told(small: Path, module: str) -> None:
    below = small / "notebooks"
    below.mkdir()
    (below / f"{module}.py").write_text("")
    done = python("import rlexp; rlexp.compose([])", below)
    assert f"{below / module}.py hides" in done.stderr, done.stderr
    assert f"rename {module}.py" in done.stderr


def test_a_folder_of_the_same_name_hides_nothing(small: Path) -> None:
    (small / "notebooks" / "envs").mkdir(parents=True)
    assert (
        python("import rlexp; print(rlexp.compose([]).env.id)", small / "notebooks").stdout == "CartPole-v1\n"
    )


def test_others_projects_are_left_alone(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = small / "vendor"
    below.mkdir()
    monkeypatch.chdir(below)
    for text in ("[project\n", '[project]\nname = "rlexp-tools"\n', "# [tool.rlexp]\n"):
        (below / "pyproject.toml").write_text(text)
        found = find_lab()
        assert found is not None and found.root == small


def test_folders_named_by_the_search_path(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = small / "more"
    (more / "env").mkdir(parents=True)
    (more / "env" / "mine.yaml").write_text("# Mine.\nid: Acrobot-v1\n")
    done = cli("env=mine", "--cfg", "job", "--package", "env", cwd=small, RLEXP_SEARCH_PATH=str(more))
    assert "id: Acrobot-v1" in done.stdout
    monkeypatch.setenv("RLEXP_SEARCH_PATH", str(small / "none"))
    with pytest.raises(ConfigError, match="RLEXP_SEARCH_PATH: there is no folder"):
        config_dirs()


def test_choices_are_told_with_their_files(lab: Path) -> None:
    listed = json.loads(cli("list", "--json", cwd=lab).stdout)
    assert listed["env"]["my_lab_ladder"]["file"] == str(lab / "conf" / "env" / "my_lab_ladder.yaml")
    assert listed["env"]["cartpole"]["file"] == str(CHECKOUT / "conf" / "env" / "cartpole.yaml")
