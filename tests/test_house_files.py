"""What stands at the top of the repository agrees with itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest
import yaml
from harness import CHECKOUT

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
TARGETS = dict(re.findall(r"^([a-z-]+):.*?## (.+)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def test_everything_promises_the_same_oldest_python() -> None:
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert promised[0] == oldest and promised == sorted(promised, key=lambda version: int(version[2:]))
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert PROJECT["tool"]["mypy"]["python_version"] == oldest
    template = (CHECKOUT / "rlexp/lab_template/pyproject.toml.tmpl").read_text()
    assert f'requires-python = ">={oldest}"' in template
    workflow = (CHECKOUT / "rlexp/lab_template/.github/workflows/test.yml.tmpl").read_text()
    assert f'python-version: "{oldest}"' in workflow


def test_the_license_is_the_one_that_is_claimed() -> None:
    assert PROJECT["project"]["license"] == "Apache-2.0"
    text = (CHECKOUT / "LICENSE").read_text()
    assert "Apache License\n" in text and "Version 2.0, January 2004" in text
    assert "The rlexp authors" in text and "END OF TERMS AND CONDITIONS" in text


def test_the_citation_has_the_version_and_the_license() -> None:
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["project"]["version"], "Apache-2.0")


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_alone_lists_every_target_with_a_line() -> None:
    done = subprocess.run(["make"], cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=True)
    listed = dict(line.split(maxsplit=2)[1:] for line in done.stdout.splitlines())
    phony = re.search(r"^\.PHONY: (.+)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None and set(listed) == set(phony[1].split()) == set(TARGETS)


def test_targets_that_are_named_exist() -> None:
    named = set()
    for page in ("CONTRIBUTING.md", ".github/pull_request_template.md", ".ci/run", ".pre-commit-config.yaml"):
        text = (CHECKOUT / page).read_text()
        for words in re.findall(r"(?:`|^| )make ((?:[a-z-]+ ?)+)", text, re.MULTILINE):
            named |= set(words.split()[:1])
        for words in re.findall(r"`make ([a-z -]+)`", text):
            named |= set(words.split())
    assert named and named <= set(TARGETS), named - set(TARGETS)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md"])
def test_files_that_a_page_names_exist(page: str) -> None:
    text = (CHECKOUT / page).read_text()
    names = re.findall(r"\]\(([\w./]+)\)", text)
    names += [
        name
        for name in re.findall(r"`([\w./-]+/[\w./-]*)`", text)
        if name.split("/")[0] in ("rlexp", "tests", "conf")
    ]
    missing = [name for name in names if not (CHECKOUT / name).exists()]
    assert not missing


def test_commits_are_checked_by_the_tools_that_ci_runs() -> None:
    (repo,) = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"]
    commands = [hook["entry"].replace(" --force-exclude", "") for hook in repo["hooks"]]
    run = (CHECKOUT / ".ci/run").read_text()
    assert len(commands) == 4 and all(re.search(rf"^{command}\b", run, re.MULTILINE) for command in commands)
