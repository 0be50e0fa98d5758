"""What a config from elsewhere may not decide, whoever wrote it: what is trusted, and what reaches processes.

A run folder or a `--config-dir` may come from a stranger. Settings that would let it run code of its choosing
count only when the command line says them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rlexp.config.dotted import at
from rlexp.config.search import labs_in_use, other_lab
from rlexp.config.targets import DEFAULT_TRUSTED
from rlexp.errors import ConfigError, ConfigErrors

DANGEROUS_VARIABLES = (
    "*PATH",
    "*HOME",
    "*PRELOAD*",
    "*PLUGIN*",
    "*PROXY",
    "*_HOOK",
    "LD_*",
    "DYLD_*",
    "PYTHON*",
    "RAY_*",
    "RLEXP_*",
    "WANDB_*",
    "GIT_*",
    "SSL_*",
    "SSH_*",
    "AWS_*",
    "XDG_*",
    "CUDA_INJECTION*",
    "*_CA_BUNDLE",
    "TORCHINDUCTOR_*",
    "TRITON_*",
    "BASH_ENV",
    "ENV",
    "SHELL",
    "PAGER",
    "EDITOR",
    "BROWSER",
    "CC",
    "CXX",
    "IFS",
    "TMPDIR",
)
"""Environment variables (upper case) that load code, or send a process's words elsewhere."""

HARMLESS_VARIABLES = ("PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER", "PYTHONWARNINGS")


def refuse_foreign(
    plain: Mapping[str, Any],
    overrides: Sequence[str],
    *,
    origin: str,
    vouched: Mapping[str, Any] | None = None,
) -> None:
    """Refuses what a config from `origin` sets for itself and only the command line may.

    Args:
        plain: the config, with the overrides on top.
        overrides: as on the command line; what they set is this user's own word.
        origin: what the config came from, for the message.
        vouched: a config that has been accepted; what it sets may be set to the same.

    Raises:
        ConfigError: naming each such key and what to write if its author is trusted.
    """
    said = {_key(text): text for text in overrides}
    problems = [
        ConfigError(f"{origin}: {why}", key=key, fix=f"{fix}, if you trust whoever wrote it")
        for key, why, fix in _claims(plain)
        if not any(key == name or key.startswith(f"{name}.") for name in said)
        and (vouched is None or at(vouched, key) != at(plain, key))
    ]
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)


def refuse_search_paths(folder: Path) -> None:
    """Refuses a folder whose primary configs add to Hydra's search path: `pkg://` there imports a package.

    Raises:
        ConfigError: naming the file.
    """
    from rlexp.config.yaml_reader import read

    for file in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        if _has_key(read(file, interpolations="keys"), "searchpath"):
            raise ConfigError(
                f"{file}: hydra.searchpath is not taken from a file",
                key="hydra.searchpath",
                fix="export RLEXP_SEARCH_PATH=<folder>",
            )


def _has_key(node: Any, name: str) -> bool:
    if isinstance(node, Mapping):
        return any(key == name or _has_key(inner, name) for key, inner in node.items())
    return isinstance(node, list) and any(_has_key(inner, name) for inner in node)


def trusted_here() -> list[str]:
    """The modules that are trusted in this place: the shipped ones and the labs'."""
    of_labs = (package for lab in labs_in_use() for package in lab.packages)
    return list(dict.fromkeys([*DEFAULT_TRUSTED, *of_labs]))


def is_dangerous(variable: str) -> bool:
    """Whether an environment variable can make a process load code or talk to a stranger."""
    name = variable.upper()
    return name not in HARMLESS_VARIABLES and any(fnmatchcase(name, p) for p in DANGEROUS_VARIABLES)


def _key(text: str) -> str:
    return text.lstrip("+~").partition("=")[0]


def _claims(plain: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Keys that a config may not set for itself: the key, what it asks for, what to write instead."""
    listed = plain.get("trusted")
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    if more := [name for name in names if name not in trusted_here()]:
        yield (
            "trusted",
            f"the config may call functions of {', '.join(more)}, which nothing here trusts",
            _fix_of_trusted(more),
        )
    checkpoint, hardware = _group(plain, "checkpoint"), _group(plain, "hardware")
    if checkpoint.get("trust"):
        yield (
            "checkpoint.trust",
            "the config says that its checkpoints are to be trusted",
            "checkpoint.trust=true",
        )
    address = hardware.get("address", "local")
    if address not in ("local", "auto", None):
        yield (
            "hardware.address",
            f"the config joins the Ray cluster {address}, which may send any code back",
            f"hardware.address={address}",
        )
    for name in _group(hardware, "env_vars"):
        if is_dangerous(str(name)):
            yield (
                f"hardware.env_vars.{name}",
                f"the config sets the environment variable {name}, which can make processes load code",
                f"'hardware.env_vars.{name}=\"...\"'",
            )


def _fix_of_trusted(more: Sequence[str]) -> str:
    """How to trust modules that nothing here trusts: those of a lab around the run are used with the lab."""
    lab = other_lab()
    if lab is not None and set(more) <= set(lab.packages):
        return f"RLEXP_LAB={lab.root} rlexp ..., which uses the lab around it"
    return f"'trusted=[{','.join([*trusted_here(), *more])}]'"


def _group(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = plain.get(name)
    return group if isinstance(group, Mapping) else {}
