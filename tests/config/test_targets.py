"""Callables from configs: what is found, what is refused, and that a refusal runs nothing (fault 37)."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import DEFAULT_TRUSTED, build, check, is_trusted, locate

TRUSTED = (*DEFAULT_TRUSTED, "lab_envs")


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab's package that also drags dangerous things into its namespace, as honest code does."""
    (tmp_path / "lab_envs").mkdir()
    (tmp_path / "lab_envs" / "__init__.py").write_text("import os\n")
    (tmp_path / "lab_envs" / "mine.py").write_text(
        textwrap.dedent(
            """
            import os
            import functools
            import subprocess
            from os import system as shell
            from pickle import loads
            from subprocess import Popen
            from pathlib import Path

            CONSTANT = 3
            partial = functools.partial(os.system)

            class Wrapper:
                system = os.system
                class Inner:
                    pass
                def __init__(self, env, scale, *, offset=0.0, parts=()):
                    self.env, self.scale, self.offset, self.parts = env, scale, offset, parts
                @classmethod
                def from_checkpoint(cls, path):
                    return os.system(path)

            def double(value):
                return 2 * value

            def anything(**kwargs):
                return kwargs
            """
        )
    )
    (tmp_path / "lab_envs" / "broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "lab_envs" / "raises.py").write_text("1 / 0\n")
    (tmp_path / "lab_envsx.py").write_text("def run(): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [m for m in sys.modules if m.startswith("lab_envs")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.mark.parametrize("path", ["lab_envs.mine.double", "lab_envs.mine:double"])
def test_locates_functions_by_both_spellings(path: str) -> None:
    assert locate(path, TRUSTED)(4) == 8


def test_locates_nested_classes_and_re_exports() -> None:
    assert locate("lab_envs.mine.Wrapper.Inner", TRUSTED).__qualname__ == "Wrapper.Inner"
    assert locate("gymnasium.wrappers.TimeLimit", TRUSTED).__module__.startswith("gymnasium.wrappers.")


HOSTILE = [
    "os.system",
    "os:system",
    "posix.system",
    "builtins.eval",
    "subprocess.Popen",
    "pickle.loads",
    "shutil.rmtree",
    "importlib.import_module",
    "logging.config.dictConfig",
    "logging.os.system",
    "sys.modules",
    "lab_envs.os.system",
    "lab_envs.mine.os.system",
    "lab_envs.mine.shell",
    "lab_envs.mine.loads",
    "lab_envs.mine.Popen",
    "lab_envs.mine.Popen.communicate",
    "lab_envs.mine.subprocess.Popen",
    "lab_envs.mine.subprocess:Popen",
    "lab_envs.mine.functools.partial",
    "lab_envs.mine.partial",
    "lab_envs.mine.Path",
    "lab_envs.mine.Wrapper.system",
    "lab_envs.mine.Wrapper.from_checkpoint",
    "lab_envs.mine.double.__globals__",
    "lab_envs.mine.__builtins__.eval",
    "lab_envs.mine.__loader__.load_module",
    "lab_envsx.run",
    "rlexp.config.callables.targets.build",
    "rlexp.config.callables.targets.importlib.import_module",
    "gymnasium.envs.registration.register",
    "gymnasium.register",
    "gymnasium.make",
    "gymnasium.vector.utils.CloudpickleWrapper",
    "ray.get",
    "ray.rllib.utils.from_config.from_config",
    "ray.rllib.utils.compression.unpack",
    "ray.rllib.algorithms.algorithm.Algorithm.from_checkpoint",
    "envs..mine",
    "envs.mine.",
    ".envs.mine",
    "envs.mine.Env()",
    "envs",
    "",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_refuses_hostile_paths(path: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        locate(path, TRUSTED)
    assert path in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_refuses_loaders_even_when_listed_as_trusted() -> None:
    for path in ("os.system", "subprocess.run", "builtins.exec", "rlexp.config.callables.targets.build"):
        with pytest.raises(ConfigError, match="no config may name it"):
            locate(path, (*TRUSTED, "os", "subprocess", "builtins", "rlexp.config"))


def test_a_refused_module_is_not_even_imported(lab: Path) -> None:
    (lab / "evil_payload.py").write_text("raise SystemExit('ran')\n")
    with pytest.raises(ConfigError, match=r"trusted=\+evil_payload"):
        locate("evil_payload.run", TRUSTED)
    assert "evil_payload" not in sys.modules


def test_hostile_targets_hide_nowhere_in_a_spec(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    evil = {"_target_": "os.system", "command": f"touch {canary}"}
    for parts in (evil, [evil], [[{"deep": evil}]], {"a": {"b": evil}}):
        spec = {"_target_": "lab_envs.mine.Wrapper", "env": 1, "scale": 2, "parts": parts}
        with pytest.raises(ConfigError, match=r"os\.system"):
            build(spec, TRUSTED)
        with pytest.raises(ConfigError, match=r"callbacks\.mine\.parts.*os\.system"):
            check(spec, TRUSTED, key="callbacks.mine")
    assert not canary.exists()


def test_trust_is_by_whole_dotted_parts() -> None:
    assert is_trusted("envs.x", ["envs"]) and is_trusted("envs", ["envs"])
    assert not is_trusted("envsx", ["envs"]) and not is_trusted("ray", ["ray.rllib"])


def test_builds_nested_specs_with_caller_arguments() -> None:
    inner = {"_target_": "lab_envs.mine.double", "value": 21}
    spec = {"_target_": "lab_envs.mine.Wrapper", "scale": inner, "parts": [{"x": [inner]}, 1]}
    built = build(spec, TRUSTED, "an env", offset=1.5)
    assert (built.env, built.scale, built.offset, built.parts) == ("an env", 42, 1.5, [{"x": [42]}, 1])
    assert spec["scale"] is inner, "the spec itself stays as it was"


def test_open_keywords_take_anything() -> None:
    assert build({"_target_": "lab_envs.mine.anything", "x": 1}, TRUSTED, y=2) == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("arguments", "says", "suggests"),
    [
        ({"scal": 1}, "takes no argument scal", ["scale"]),
        ({}, "needs the argument scale", []),
        ({"scale": 1, "env": 2}, "env is filled in by rlexp", []),
        ({"scale": 1, "offset": 2}, "offset is filled in by rlexp", []),
        ({"scale": 1, "_partial_": True}, "_partial_ is not supported", []),
        ({"scale": 1, "_args_": [1]}, "_args_ is not supported", []),
        ({"scale": 1, "_recursive_": False}, "_recursive_ is not supported", []),
    ],
)
def test_arguments_are_checked_before_the_call(arguments: dict, says: str, suggests: list[str]) -> None:
    spec = {"_target_": "lab_envs.mine.Wrapper", **arguments}
    with pytest.raises(ConfigError) as refusal:
        build(spec, TRUSTED, "an env", offset=0.0)
    assert says in str(refusal.value)
    assert refusal.value.suggestions == suggests


@pytest.mark.parametrize(
    ("path", "says", "suggests"),
    [
        ("lab_envs.mine.Wraper", "lab_envs.mine has no Wraper", "Wrapper"),
        ("lab_envs.mines.Wrapper", "lab_envs has no mines", "mine"),
        ("lab_envs.broken.Env", "needs nowhere_to_be_found, which is not installed", None),
        ("lab_envs.raises.Env", "importing lab_envs.raises failed: ZeroDivisionError", None),
        ("lab_envs.mine.CONSTANT", "refused", None),
    ],
)
def test_says_which_part_is_missing(path: str, says: str, suggests: str | None) -> None:
    with pytest.raises(ConfigError) as refusal:
        locate(path, TRUSTED)
    assert says in str(refusal.value)
    assert suggests is None or suggests in refusal.value.suggestions


def test_a_trusted_package_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="there is no module not_installed_at_all") as refusal:
        locate("not_installed_at_all.Env", (*TRUSTED, "not_installed_at_all"))
    assert "write: PYTHONPATH=<the folder of not_installed_at_all>" in str(refusal.value)


def test_spec_must_be_a_mapping_with_a_path() -> None:
    for spec in ({"path": "lab_envs.mine.double"}, "lab_envs.mine.double", {"_target_": 3}, {"_target_": ""}):
        with pytest.raises(ConfigError):
            check(spec, TRUSTED)  # type: ignore[arg-type]
