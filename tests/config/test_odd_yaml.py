"""YAML that is broken, odd or a bomb: refused with the file, the line and the fault, or taken for what it means."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from harness import CONF
from omegaconf import OmegaConf

from rlexp.base.errors import ConfigError
from rlexp.base.yaml.reader import MAX_BYTES, Dumper, RunLoader, parse, read
from rlexp.cli.main import main
from rlexp.config import saved_config
from rlexp.report.reading import read as read_run
from rlexp.run.compose import compose_plain

DEEP = "a: " + "[" * 2000 + "]" * 2000 + "\n"
ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))

REFUSED: dict[str, tuple[str, str]] = {
    "a list": ("[1, 2]\n", "it holds a list"),
    "a scalar": ("hello\n", "the single value 'hello'"),
    "tab": ("a:\n\tb: 1\n", "line 2: a tab begins the line"),
    "a key twice": ("seed: 1\nseed: 2\n", "line 2: the key seed stands here a second time"),
    "merge of a scalar": ("<<: 5\n", "line 1: <<: takes the keys of a mapping"),
    "anchor in itself": ("a: &a [*a]\n", "line 1: *a stands inside &a"),
    "unknown alias": ("a: *nope\n", "line 1: *nope: there is no anchor"),
    "python tag": ("a: !!python/object/apply:os.getcwd []\n", "line 1: the tag !!python/object"),
    "python tag of a scalar": ("a: !!python/name:os.getcwd ''\n", "the tag !!python/name"),
    "unknown tag": ("b: 1\na: !foo bar\n", "line 2: the tag !foo is not taken"),
    "binary": ("seed: !!binary aGk=\n", "line 1: the tag !!binary"),
    "set": ("seed: !!set {a}\n", "line 1: the tag !!set"),
    "NUL": ("a: \0\n", "line 1: the character '\\x00'"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2: a second document"),
    "null as key": ("~: 2\n", "line 1: the key '~' is read as null"),
    "true as key": ("on: 2\n", "line 1: the key 'on' is read as true"),
    "list as key": ("? [1, 2]\n: 3\n", "line 1: a key must be text"),
    "deep": (DEEP, "line 1: nested more than"),
    "deep by aliases": (
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 90)),
        "nested more than",
    ),
    "not closed": ("a: {b: 1\n", "that begins in line 1"),
    "6000 digits": ("seed: " + "9" * 6000 + "\n", "line 1: a number of 6,000 digits"),
    "bad number": ("seed: !!int hello\n", "line 1: 'hello' cannot be read as int"),
    "latin-1": ("a: 1\nname: caf\xe9\n", "line 2: the byte 0xe9 is not UTF-8"),
    "aliases that multiply": (ALIASES, "values, too many"),
    "400,000 keys": ("".join(f"k{n}: 1\n" for n in range(70_000)), "values, too many"),
    "megabytes": ("a: " + "x" * MAX_BYTES, "larger than"),
}


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("latin-1" if "\xe9" in text else "utf-8"))
    return file


@pytest.mark.parametrize("kind", REFUSED)
def test_broken_and_odd_yaml_is_refused_by_every_reader(tmp_path: Path, kind: str) -> None:
    text, says = REFUSED[kind]
    choice = written(tmp_path / "theirs" / "env" / "odd.yaml", text)
    primary = written(tmp_path / "primary" / "odd.yaml", text)
    run = written(tmp_path / "run" / "config.yaml", text)
    (run.parent / "manifest.json").write_text(json.dumps({"name": "run", "status": "done"}))
    ways: dict[Path, Callable[[], object]] = {
        choice: lambda: compose_plain(["env=odd"], config_dir=choice.parents[1]),
        primary: lambda: compose_plain([], config_dir=primary.parent, config_name="odd"),
        run: lambda: saved_config.read(run),
        run.parent: lambda: read_run(run.parent),
        run.parent / "": lambda: compose_plain([], config_dir=run.parent),
    }
    for file, way in ways.items():
        with pytest.raises(ConfigError) as refused:
            way()
        assert says in str(refused.value) and file.name in str(refused.value)


def test_a_labs_own_broken_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "lab" / "experiment" / "odd.yaml", "# @package _global_\nseed: 1\nseed: 2\n")
    monkeypatch.setenv("RLEXP_SEARCH_PATH", str(tmp_path / "lab"))
    monkeypatch.chdir(tmp_path)
    for argv in (
        ["experiment=odd"],
        ["-m", "experiment=odd", "seed=0,1"],
        ["--cfg", "job", "experiment=odd"],
    ):
        assert main(argv) == 2
        assert f"{file}, line 3: the key seed" in capsys.readouterr().err
    written(file, "name: caf\xe9\n")
    assert main(["list", "experiment"]) == 2
    assert "not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("when: 2020-01-01\n", {"when": "2020-01-01"}),
        (
            "a: 1e-3\nb: 1_000\nc: =\nd: ! 5\ne: !!str 5\n",
            {"a": 1e-3, "b": 1000, "c": "=", "d": "5", "e": "5"},
        ),
        ("b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\n", {"b": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}}),
        ("a: &a [1]\nb: *a\n", {"a": [1], "b": [1]}),
        ("\ufeffa: 1\n", {"a": 1}),
        ("# nothing\n", None),
        ("1: 2\n", {1: 2}),
    ],
)
def test_what_has_a_meaning_is_taken_for_it(text: str, plain: object) -> None:
    assert parse(text, "file") == plain


def test_values_are_read_as_hydra_and_yaml_read_them() -> None:
    texts = ["1", "-1", "0x1f", "0b1", "017", "1.5", ".5", "1e5", "1.0e+5", ".inf", "yes", "no", "null", "~"]
    for text in [*texts, "a b", "'1'", "1:30", "", "[1, {a: b}]", "|\n  x\n  y\n", "${a.b}", "1e", "+.5"]:
        source = f"a: {text}\n"
        assert parse(source, "file") == OmegaConf.to_container(OmegaConf.create(source)), text
        assert parse(source, "file", loader=RunLoader) == yaml.safe_load(source), text
    for file in CONF.rglob("*.yaml"):
        plain = OmegaConf.to_container(OmegaConf.load(file))
        assert (read(file) or {}) == plain, file


def test_text_that_looks_like_a_number_stays_text_in_every_reader() -> None:
    plain = {"a": "3e563", "b": "1e5", "c": "2020-01-01", "d": "on", "e": "12e4", "f": "1:30", "g": ""}
    text = yaml.dump(plain, Dumper=Dumper)
    assert parse(text, "file") == parse(text, "file", loader=RunLoader) == yaml.safe_load(text) == plain


def test_a_pipe_is_no_file_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match="no regular file"):
        read(tmp_path / "config.yaml")


DOUBLED = ", ".join(f'a{n}: "${{env.config.a{n - 1}}}${{env.config.a{n - 1}}}"' for n in range(1, 25))
NESTED = ", ".join(f'a{n}: ["${{env.config.a{n - 1}}}", "${{env.config.a{n - 1}}}"]' for n in range(1, 25))
BOMBS: dict[str, tuple[dict[str, str], str]] = {
    "texts that double": ({"x": f"env: {{config: {{a0: xx, {DOUBLED}}}}}"}, "stand for more than"),
    "lists that double": ({"x": f"env: {{config: {{a0: [1], {NESTED}}}}}"}, "stand for more than"),
    "a long list many times": (
        {"x": "env: {config: {a: [" + "1," * 999 + "1], b: [" + '"${env.config.a}",' * 99 + "1]}}"},
        "stand for more than",
    ),
    "Hydra's own settings": (
        {"x": f"env: {{config: {{a0: xx, {DOUBLED}}}}}\nhydra: {{job: {{chdir: '${{env.config.a24}}'}}}}"},
        "stand for more than",
    ),
    "defaults that double": (
        {f"a{n}": f"defaults: [a{n + 1}@q{n}, a{n + 1}@r{n}]" for n in range(30)}
        | {"a30": "b: 1", "x": "defaults: [a0]"},
        "defaults lists take more than",
    ),
    "defaults in a circle": ({"x": "defaults: [y]", "y": "defaults: [x]"}, "takes itself"),
    "long interpolation": ({"x": "name: '${" + "a" * 3000 + "}'"}, "characters with ${...}"),
    "large files together": (
        {"x": "defaults: [y]\na: [" + "1," * 6000 + "1]", "y": "b: [" + "1," * 6000 + "1]"},
        "values together",
    ),
}
QUICK = ("texts that double", "defaults in a circle")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in BOMBS],
)
def test_a_bomb_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    files, says = BOMBS[kind]
    for name, text in files.items():
        written(tmp_path / "experiment" / f"{name}.yaml", f"# @package _global_\n{text}\n")
    before = time.process_time()
    with pytest.raises(ConfigError) as refused:
        compose_plain(["experiment=x"], config_dir=tmp_path)
    assert says in str(refused.value)
    assert time.process_time() - before < 2.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("defaults: 5", "defaults must be a list"),
        ("defaults: [{a: b, c: d}]", "neither a file's name nor group: choice"),
        ("defaults: [[1]]", "neither a file's name nor group: choice"),
        ("defaults: [{'@': x}]", "neither a file's name nor group: choice"),
        ("name: '${'", "which OmegaConf cannot read"),
        ("algorithm.lr: 1", "in a file keys nest"),
        ("hydra: {job: 5}", "int is not a subclass of JobConf"),
        ("env: [1]", "Cannot merge"),
    ],
)
def test_a_file_that_hydra_would_stumble_over(tmp_path: Path, text: str, says: str) -> None:
    written(tmp_path / "experiment" / "x.yaml", f"# @package _global_\n{text}\n")
    with pytest.raises(ConfigError) as refused:
        compose_plain(["experiment=x"], config_dir=tmp_path)
    assert says in str(refused.value)


def test_an_experiment_that_does_not_say_that_it_sets_the_keys_of_others(tmp_path: Path) -> None:
    written(tmp_path / "experiment" / "x.yaml", "seed: 1\n")
    with pytest.raises(ConfigError, match=r"experiment has no keys of its own") as refused:
        compose_plain(["experiment=x"], config_dir=tmp_path)
    assert "# @package _global_" in str(refused.value)


def test_a_header_that_says_too_much(tmp_path: Path) -> None:
    written(tmp_path / "experiment" / "x.yaml", "# @package a b\nseed: 1\n")
    with pytest.raises(ConfigError, match=r"x\.yaml, line 1: Too many components"):
        compose_plain(["experiment=x"], config_dir=tmp_path)


RESOLVERS = [
    "${oc.env:SECRET_OF_MINE}",
    "${oc.decode:\"['a','${oc.env:SECRET_OF_MINE}']\"}",
    "a ${oc.env:SECRET_OF_MINE,x} b",
    "${oc.select:seed}",
    "${${name}:SECRET_OF_MINE}",
    "${oc.create:${oc.env:SECRET_OF_MINE}}",
    "${now:%Y}",
    "${hydra:runtime.cwd}",
]


@pytest.mark.parametrize("text", RESOLVERS)
@pytest.mark.parametrize("where", ["name", "defaults", "notes"])
def test_a_file_from_elsewhere_calls_no_resolver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, where: str
) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "s3cr3t")
    content = {
        "name": {"name": text},
        "defaults": {"defaults": [{"/env": text}]},
        "notes": {"env": {"config": {"deep": [text]}}},
    }[where]
    written(tmp_path / "experiment" / "x.yaml", "# @package _global_\n" + yaml.safe_dump(content))
    with pytest.raises(ConfigError) as refused:
        compose_plain(["experiment=x"], config_dir=tmp_path)
    assert "call nothing" in str(refused.value) and "s3cr3t" not in str(refused.value)


def test_a_file_from_elsewhere_may_name_other_keys(tmp_path: Path) -> None:
    written(tmp_path / "experiment" / "x.yaml", "# @package _global_\nname: 's${seed} at 12:30'\n")
    assert compose_plain(["experiment=x", "seed=3"], config_dir=tmp_path).plain["name"] == "s3 at 12:30"


def test_ones_own_files_may_call_resolvers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_MINE", "mine")
    written(tmp_path / "experiment" / "x.yaml", "# @package _global_\nname: ${oc.env:OF_MINE}\n")
    monkeypatch.setenv("RLEXP_SEARCH_PATH", str(tmp_path))
    assert compose_plain(["experiment=x"]).plain["name"] == "mine"
