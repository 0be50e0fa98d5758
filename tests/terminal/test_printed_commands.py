"""Commands that are printed can be pasted into a shell, whatever the names of folders and metrics hold."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import CHECKOUT

from rlexp.base.errors import ConfigError
from rlexp.base.shell_commands import shell_command
from rlexp.cli.init import run as init
from rlexp.config.override_text import assigned
from rlexp.config.rerun import command as again
from rlexp.run.compose import compose
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.results.best_by_metric import best_by
from rlexp.terminal.final_summary import next_commands

ODD = 'my run\'s $HOME; `x` "y" *'


def read_by_a_shell(line: str) -> list[str]:
    """The words that `rlexp` is given where the line is typed."""
    script = 'rlexp() { printf "%s\\0" "$@"; }\n' + line + "\n"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split("\0")[:-1]


def command_in(error: ConfigError) -> str:
    """What the error says to write, without what stands in brackets behind it."""
    return str(error.fix).partition("   (")[0]


def refused(do: Callable[[], Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        do()
    return command_in(caught.value)


def sweep_in(folder: Path, **trials: dict[str, Any]) -> SweepFolder:
    """A sweep's folder whose trials stand as given."""

    class Told(SweepFolder):
        def state(self) -> dict[str, Any]:
            settings = {"seeds": 1, "mode": "max", "aggregate": "mean"}
            return {"metric": "eval/return_mean", "settings": settings, "trials": trials}

    return Told(folder)


def test_the_words_come_back_as_they_were() -> None:
    words = ["resume", ODD, "a=[1, 2]", "-x", "", "b={c: 'd'}", "~/x", "ä"]
    assert read_by_a_shell(shell_command(*words)) == words


def test_an_assignment_is_one_word() -> None:
    for value in ("[1,2]", "{a: 'b'}", "~/x", "a b", "?", "$x", "<another>"):
        assert read_by_a_shell(f"rlexp {assigned('key', value)}") == [f"key={value}"]


def test_what_a_run_prints_at_its_end(tmp_path: Path) -> None:
    place = str(tmp_path / ODD)
    told = next_commands({"checkpoint": "x", "status": "done", "train_longer": "stop.env_steps=20"}, place)
    assert [read_by_a_shell(line) for _, line in told] == [
        ["evaluate", place],
        ["resume", place, "stop.env_steps=20"],
    ]
    assert read_by_a_shell(again(tmp_path / ODD)) == ["--config-dir", place]


def test_what_a_name_that_is_taken_is_answered_with(tmp_path: Path) -> None:
    made = RunFolder.create(tmp_path, "my run's")
    made.metrics.write_text('{"env_steps": 1}\n')
    made.update_manifest(status="done")
    made.release()
    told = refused(lambda: RunFolder.create(tmp_path, "my run's"))
    assert read_by_a_shell(told) == ["resume", str(tmp_path / "my run's")]


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ({}, ["resume"]),
        ({"0": {"status": "stopped", "score": None}}, ["resume"]),
        ({"0": {"status": "done", "score": None}}, ["report"]),
        (
            {
                "0": {"status": "done", "score": 1.0, "varied": {"env.id": "a b:C-v0"}},
                "1": {"status": "done", "score": 1.0, "varied": {"env.id": "D-v0"}},
            },
            ["evaluate", "--env", "a b:C-v0"],
        ),
    ],
)
def test_what_a_sweep_without_a_best_trial_is_answered_with(
    tmp_path: Path, trials: dict[str, dict[str, Any]], words: list[str]
) -> None:
    place = tmp_path / ODD
    told = refused(lambda: best_by(sweep_in(place, **trials)))
    assert read_by_a_shell(told) == [words[0], str(place), *words[1:]]


def test_several_values_for_one_run() -> None:
    told = refused(lambda: compose(["env.config.a=it is,so"]))
    assert read_by_a_shell(told) == ["-m", "env.config.a=it is,so"]


def test_a_lab_in_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    target = tmp_path / ODD
    target.mkdir()
    (target / "x").touch()
    assert read_by_a_shell(refused(lambda: init([str(target)]))) == ["init", str(target / "lab")]


def test_no_command_with_a_value_in_it_is_put_together_by_hand() -> None:
    """`shell_command` quotes; a format string does not."""
    by_hand = re.compile(r"\brlexp (?:resume|evaluate|report|init|lab|--config-dir|-m)(?: [-\w]+)? \{")
    found = [
        f"{file.relative_to(CHECKOUT)}: {line.strip()}"
        for file in sorted((CHECKOUT / "rlexp").rglob("*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if by_hand.search(line)
    ]
    assert [line for line in found if "{arguments.action}" not in line] == []  # One of two words.
