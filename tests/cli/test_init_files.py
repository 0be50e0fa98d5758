"""`rlexp init`: what it writes and what it refuses. That its lab trains is shown with the wheel."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rlexp.base.errors import ConfigError
from rlexp.cli import init
from rlexp.config.labs.search_path import find_lab
from rlexp.run.building.env_check import fitted
from rlexp.run.compose import compose

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RLEXP_LAB", raising=False)
    assert init.run(["My-Lab"]) == 0
    return tmp_path / "My-Lab"


def test_the_lab_is_whole(lab: Path) -> None:
    files = {path.relative_to(lab).as_posix() for path in lab.rglob("*") if path.is_file()}
    files = {name for name in files if not name.startswith(".git/")}
    assert files == {
        "pyproject.toml", "README.md", ".gitignore", "tests/test_first.py", ".github/workflows/test.yml",
        "conf/env/my_lab_example.yaml", "conf/callbacks/my_lab_furthest.yaml", "conf/experiment/first.yaml",
        "my_lab/__init__.py", "my_lab/envs/__init__.py", "my_lab/envs/corridor.py",
        "my_lab/callbacks/__init__.py", "my_lab/callbacks/furthest.py",
    }  # fmt: skip
    for name in files:
        text = (lab / name).read_text()
        assert not re.search("__(lab|rlexp|pin)__", text) and "tmpl" not in text, name
        if name.endswith(".py"):
            ast.parse(text)
    found = find_lab(lab / "conf")
    assert found is not None and found.root == lab and found.packages == ("my_lab",)


def test_its_choices_name_what_is_there_and_explain_every_key(lab: Path) -> None:
    from rlexp.cli import config_catalogue

    env = yaml.safe_load((lab / "conf/env/my_lab_example.yaml").read_text())
    callback = yaml.safe_load((lab / "conf/callbacks/my_lab_furthest.yaml").read_text())["my_lab_furthest"]
    for target in (env["id"], callback["_target_"]):
        module, _, name = target.rpartition(".")
        tree = ast.parse((lab / (module.replace(".", "/") + ".py")).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for group, choices in config_catalogue.groups([lab / "conf"]).items():
        for choice in choices.values():
            assert choice.description
            assert all(key.comment for key in config_catalogue.keys(choice.file, group))


def test_its_environment_and_callback_pass_their_own_tests(lab: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "corridor", "-p", "no:cacheprovider"],
        cwd=lab,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(lab)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_it_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init.run([str(tmp_path / "robots")])
    text = capsys.readouterr().out
    assert f"made {tmp_path / 'robots'} with the package `robots`" in text
    assert f"cd {tmp_path / 'robots'}" in text and "rlexp experiment=first" in text


def test_it_is_a_git_repository_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"GIT_DIR": str(tmp_path / "others"), "GIT_CONFIG_GLOBAL": "/dev/null"}.items():
        monkeypatch.setenv(name, value)  # As in a git hook; neither is followed.
    init.run([str(tmp_path / "robots")])
    assert "git add . && git commit" in capsys.readouterr().out
    assert (tmp_path / "robots" / ".git").is_dir() and not (tmp_path / "others").exists()
    init.run([str(tmp_path / "robots" / "inner_lab")])
    assert "it lies in a git repository" in capsys.readouterr().out
    assert not (tmp_path / "robots" / "inner_lab" / ".git").exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    init.run([str(tmp_path / "arms")])
    assert "no git repository could be made" in capsys.readouterr().out


def test_it_is_pinned_to_the_rlexp_that_made_it(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tomllib

    from rlexp import __version__
    from rlexp.cli import lab_repository

    project = tomllib.loads((lab / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [lab_repository.pinned()]
    taken = {"url": "https://git.example/rlexp", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}
    monkeypatch.setattr(lab_repository, "_direct_url", lambda: taken)
    assert lab_repository.pinned() == "rlexp @ git+https://git.example/rlexp@c0ffee"
    monkeypatch.setattr(lab_repository, "_direct_url", dict)
    assert lab_repository.pinned() == f"rlexp=={__version__}" and lab_repository.advice() == []


@pytest.mark.parametrize(
    "choices",
    [
        "env=my_lab_example 'env.wrappers=[{_target_: my_lab.envs.wrappers.ScaledReward, factor: 10}]'",
        "env=my_lab_example model=my_lab_net",
        "env=my_lab_example evaluation=my_lab_often",
        "env=my_lab_example curriculum=my_lab_longer",
        "env=my_lab_example 'metrics.position={info: position, reduce: max}'",
    ],
)
def test_the_parts_in_its_readme_work(lab: Path, monkeypatch: pytest.MonkeyPatch, choices: str) -> None:
    readme = (lab / "README.md").read_text()
    for name, text in re.findall(r"^`(\S+)`\n```\w+\n(.*?)^```", readme, re.DOTALL | re.MULTILINE):
        (lab / name).parent.mkdir(parents=True, exist_ok=True)
        (lab / name).write_text(text)
    overrides = shlex.split(choices)
    assert all(word in readme for word in overrides)
    monkeypatch.chdir(lab)
    kept, modules = list(sys.path), set(sys.modules)
    try:
        config = compose([*overrides, "hardware=local", "tracking=none"])
        assert fitted(config) is not None
    finally:
        sys.path[:] = kept
        for module in set(sys.modules) - modules:
            if module.partition(".")[0] == "my_lab":
                del sys.modules[module]


def test_here_and_in_a_fresh_git_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "arms"
    (here / ".git").mkdir(parents=True)
    monkeypatch.chdir(here)
    assert init.run(["."]) == 0
    assert (here / "arms" / "envs" / "corridor.py").is_file()


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("My-Lab 2", "my_lab_2"),
        ("2024", "lab_2024"),
        ("lab.rl", "lab_rl"),
        ("--", "lab"),
        ("Évolution", "evolution"),
    ],
)
def test_package_names(name: str, package: str) -> None:
    assert init.package_name(Path("/somewhere") / name) == package


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("envs", "rlexp's own layout"),
        ("callbacks", "rlexp's own layout"),
        ("rlexp", "rlexp's own layout"),
        ("tests", "rlexp's own layout"),
        ("numpy", "already imports"),
        ("json", "already imports"),
        ("gymnasium", "already imports"),
        ("class", "no name for a Python package"),
    ],
)
def test_names_that_clash_are_refused_with_free_ones(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        init.run([str(tmp_path / name)])
    assert not (tmp_path / name).exists(), "nothing is written"
    free = caught.value.suggestions[0]
    assert f"--package {free}" in str(caught.value)
    assert init.run([str(tmp_path / name), "--package", free]) == 0
    assert (tmp_path / name / free / "__init__.py").is_file()


def test_a_name_that_is_no_identifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no name for a Python package") as caught:
        init.run([str(tmp_path / "x"), "--package", "my lab"])
    assert all(name.isidentifier() for name in caught.value.suggestions)


def test_full_folders_and_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"not empty \(it holds notes.txt\)"):
        init.run([str(tmp_path)])
    with pytest.raises(ConfigError, match="is a file"):
        init.run([str(tmp_path / "notes.txt")])
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the lab"):
        init.run([str(tmp_path / "file" / "lab_below")])
