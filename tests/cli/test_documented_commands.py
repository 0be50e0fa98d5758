"""No command of README and docs rots: each is read by what would run it, and answers as the page says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from buckets import ACCOUNT, make_bucket
from documented import PAGES, Shown, shown
from harness import CHECKOUT

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.cli.completion.candidates import flags as flags_of
from rlexp.cli.config_catalogue import keys
from rlexp.cli.flags import parse
from rlexp.cli.main import VERBS, main
from rlexp.config.algorithms.builder_signatures import known_config_classes
from rlexp.config.composition.hydra_app import hydra_app
from rlexp.config.composition.override_syntax import parse_all
from rlexp.config.composition.overrides import force
from rlexp.config.known_keys import valid_keys
from rlexp.sweep.planning.plan import plan

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra

COMMANDS = shown()


def _composes(command: Shown) -> bool:
    """Whether it is a run or a sweep, to be composed."""
    program, *argv = command.argv
    asks = {"-sc", "--help", "--version"} & set(argv)
    return program == "rlexp" and not command.answer and not asks and not (argv and argv[0] in VERBS)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of one's own, in which nothing may be made."""
    monkeypatch.chdir(tmp_path)


def test_the_pages_show_what_is_looked_for() -> None:
    pages = {command.where.partition(":")[0] for command in COMMANDS}
    verbs = {command.argv[1] for command in COMMANDS if len(command.argv) > 1} & set(VERBS)
    assert {"README.md", "sweeps.md", "curriculum.md", "report.md"} <= pages <= {page.name for page in PAGES}
    assert {"resume", "evaluate", "report", "list", "curriculum", "doctor", "clean", "init", "help"} <= verbs
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("command", [each for each in COMMANDS if not _composes(each)], ids=str)
def test_a_documented_command_is_taken(
    command: Shown, capsys: pytest.CaptureFixture[str], tmp_path: Path, app: Hydra
) -> None:
    program, *argv = command.argv
    if program == "python":
        _script(argv)
    elif command.answer:
        assert main(argv) == 2
        assert capsys.readouterr().err.splitlines() == list(command.answer)
    else:
        _taken(argv, app)
    assert not list(tmp_path.iterdir()), "nothing but its words was looked at"


@pytest.fixture(scope="module")
def app() -> Iterator[Hydra]:
    """One for all commands: to set it up takes longer than to ask it."""
    with hydra_app() as made:
        yield made


def test_the_words_of_each_documented_run_are_known(app: Hydra) -> None:
    """Quick: flags, groups, choices and keys; `test_a_documented_run_composes` looks at all of it."""
    words = {word: None for each in filter(_composes, COMMANDS) for word in parse(each.argv[1:]).overrides}
    assert len(words) > 50
    _known(list(words), app)


@cache
def _every_key() -> frozenset[str]:
    """What any algorithm's run and any sweep takes."""
    sweeps = {
        key.path for file in (CHECKOUT / "conf" / "sweep").glob("*.yaml") for key in keys(file, "sweep")
    }
    return frozenset(sweeps | {key for path in known_config_classes() for key in valid_keys(path)})


def _known(overrides: list[str], app: Hydra) -> None:
    """Groups and choices that there are, and keys that some run or sweep has."""
    own = [word for word in overrides if not word.startswith("sweep")]
    force(parse_all(own, app), app, sweep=True)
    dotted = {word.partition("=")[0] for word in overrides if "." in word.partition("=")[0]}
    free = ("callbacks.", "tracking.", "exploration.", "curriculum.", "env.config.", "metrics.")
    assert {key for key in dotted - _every_key() if not key.startswith(free)} == set()


@pytest.mark.slow
@pytest.mark.parametrize("command", [each for each in COMMANDS if _composes(each)], ids=str)
def test_a_documented_run_composes(
    command: Shown, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Composed and checked as if it were to run; buckets lie on a server of the test's own."""
    if "s3://" in str(command):
        address = request.getfixturevalue("s3_address")
        for name, value in {**ACCOUNT, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        with contextlib.suppress(Exception):  # An earlier test has made it.
            make_bucket(address, "lab")
    _composed(list(command.argv[1:]))


def _taken(argv: list[str], app: Hydra) -> None:
    if argv[0] in ("help", "list") or argv[0] not in VERBS:
        assert main(argv) == 0
        return
    assert {word for word in argv if word.startswith("--")} <= set(flags_of(argv[0]))
    _known([word for word in argv[1:] if "=" in word], app)


def _composed(words: list[str]) -> None:
    args = parse(words)
    try:
        if args.multirun:
            assert plan(args.overrides, config_name=args.config_name or "config").count > 0
        else:
            rlexp.compose(args.overrides, config_name=args.config_name or "config")
    except ConfigError as error:
        if "needs the extra" not in str(error):
            raise
        pytest.skip(str(error).partition("\n")[0])


def _script(argv: list[str]) -> None:
    """A script of this repository that knows its flags; or a module that is run with -m."""
    if argv[0] == "-m":
        assert argv[1] in ("pip", "pytest")
        return
    text = (CHECKOUT / argv[0]).read_text(encoding="utf-8")
    beside = "".join(
        file.read_text(encoding="utf-8") for file in (CHECKOUT / argv[0]).parent.glob("contenders/*.py")
    )
    assert [word for word in argv[1:] if word.startswith("--") and f'"{word}"' not in text + beside] == []
