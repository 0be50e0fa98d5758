"""What a TAB offers, and that it does so without importing what takes long."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import CHECKOUT, CONF

from rlexp.cli.completion import _script as script
from rlexp.cli.completion import run
from rlexp.cli.completion.candidates import candidates, flags
from rlexp.cli.completion.line import Line, read, without_stem
from rlexp.cli.main import VERBS, main


def offered(line: str) -> list[str]:
    return candidates(read(line, len(line)), [CONF])


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a run, a sweep and folders that are neither."""
    for folder, record in (
        ("runs/first", "manifest.json"),
        ("sweeps/grid", "sweep.json"),
        ("notes", "a.txt"),
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / record).touch()
    (tmp_path / ".hidden").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("rlexp res", ["resume "]),
        ("rlexp resume ", ["notes/", "runs/", "sweeps/"]),
        ("rlexp resume runs/", ["runs/first "]),
        ("rlexp evaluate sweeps/g", ["sweeps/grid "]),
        ("rlexp resume 'runs/f", ["runs/first "]),
        ("rlexp report runs/first sw", ["sweeps/"]),
        ("rlexp resume runs/first stop.env", ["stop.env_steps="]),
        ("rlexp init no", ["notes/"]),
        ("rlexp list mod", ["model "]),
        ("rlexp curriculum ", ["simulate "]),
        ("rlexp curriculum simulate env=poi", ["env=point_mass "]),
        ("rlexp algorithm=d", ["algorithm=dqn ", "algorithm=dreamerv3 "]),
        ("rlexp -m algorithm=ppo,d", ["algorithm=ppo,dqn ", "algorithm=ppo,dreamerv3 "]),
        ("rlexp 'callbacks=[progress,v", ["callbacks=[progress,video"]),
        ("rlexp algorithm=dqn algorithm.repl", ["algorithm.replay_buffer_config."]),
        (
            "rlexp algorithm=dqn algorithm.replay_buffer_config.c",
            ["algorithm.replay_buffer_config.capacity="],
        ),
        ("rlexp algorithm.clip", ["algorithm.clip_param="]),
        ("rlexp algorithm=dqn algorithm.clip", []),
        ("rlexp +algorithm.clip", ["+algorithm.clip_param="]),
        ("rlexp callbacks.progress.ev", ["callbacks.progress.every_s="]),
        ("rlexp sweep=as", ["sweep=asha "]),
        ("rlexp -m sweep.tri", ["sweep.trials="]),
        ("rlexp hardware=laptop hardware.env_v", ["hardware.env_vars="]),
        ("rlexp hardware=laptop hardware.num_env_runners=", ["hardware.num_env_runners=2 "]),
        ("rlexp fast=", ["fast=always ", "fast=auto ", "fast=never "]),
        ("rlexp overwrite=t", ["overwrite=true "]),
        ("rlexp checkpoint.from=runs/", ["checkpoint.from=runs/first/"]),
        ("rlexp --cf", ["--cfg "]),
        ("rlexp --cfg j", ["job "]),
        ("rlexp --config-dir no", ["notes/"]),
        ("rlexp clean --", ["--dry-run "]),
        ("rlexp resume nowhere/", []),
    ],
)
def test_a_tab_offers(runs: Path, line: str, offers: list[str]) -> None:
    assert offered(line) == offers


def test_the_first_word_may_be_any_command_group_or_key() -> None:
    found = offered("rlexp ")
    assert {f"{verb} " for verb in VERBS} <= set(found)
    assert {"algorithm=", "algorithm.", "stop.", "seed=", "sweep="} <= set(found)


def test_every_command_is_completed_with_the_flags_that_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    """They are read from the command's source, so that a TAB need not import it."""
    for verb in VERBS.keys() - {"train", "help"}:
        with contextlib.suppress(SystemExit):  # argparse's way to end after its help
            main([verb, "--help"])
        shown = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
        assert shown <= set(flags(verb)), verb


def test_the_cursor_may_stand_inside_the_line() -> None:
    assert read("rlexp algorithm=d env=x", 17) == Line((), "algorithm=d")
    assert read("rlexp 'a b' c", 13) == Line(("a b",), "c")
    assert read('rlexp "call', 11) == Line((), "call", quoted=True)


@pytest.mark.parametrize(
    ("word", "breaks", "quoted", "given"),
    [
        ("env=car", "=:", False, "cartpole "),
        ("env=car", "", False, "env=cartpole "),
        ("env=car", "=:", True, "env=cartpole "),
    ],
)
def test_bash_is_given_what_it_takes_for_the_word(word: str, breaks: str, quoted: bool, given: str) -> None:
    assert without_stem("env=cartpole ", Line((), word, quoted), breaks) == given


def test_a_line_that_makes_no_sense_offers_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.rlexp]\nconf = 3\n")
    monkeypatch.chdir(tmp_path)
    for line, point in (("rlexp env=", "ten"), ("", "0"), ("rlexp env=", "10")):
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_POINT", point)
        assert run(["-sc", "query=bash"]) == 0
    assert capsys.readouterr() == ("", "")


def test_each_shell_has_a_script() -> None:
    for shell in ("bash", "zsh", "fish"):
        install, uninstall = script(shell, "rlexp"), script(shell, "rlexp", uninstall=True)
        assert install and f"query={shell}" in install and uninstall and "rlexp" in uninstall
    assert script("tcsh", "rlexp") is None


def test_a_tab_imports_nothing_that_takes_long(tmp_path: Path) -> None:
    """All in all a TAB takes a tenth of a second of CPU; each of the smaller ones would add 5 to 30 ms."""
    heavy = (
        "{'hydra', 'omegaconf', 'antlr4', 'argparse', 'numpy', 'gymnasium', 'ray', 'torch', "
        "'yaml', 'importlib.metadata', 'dataclasses', 'logging', 'json', 'difflib', 'email', 'tempfile'}"
    )
    code = (
        "import os, sys\n"
        "os.environ['COMP_LINE'] = 'rlexp algorithm=dqn algorithm.rep'\n"
        "from rlexp.cli.main import main\n"
        "assert main(['-sc', 'query=bash']) == 0\n"
        f"print(sorted({heavy} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, check=True
    )
    assert done.stdout.splitlines() == ["algorithm.replay_buffer_config.", "[]"]
