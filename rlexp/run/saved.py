"""The config of an earlier run, read back from its folder, with overrides on top.

A run folder may come from a stranger: the modules it trusts are not trusted here because it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlexp.config.compose import Composed, compose_plain, hydra_app, plain_trusted
from rlexp.config.search import find_lab
from rlexp.config.targets import DEFAULT_TRUSTED
from rlexp.errors import ConfigError

CONFIG = "config.yaml"

FROZEN = {
    "algorithm.config_class": "another algorithm has other state; start a new run (checkpoint.from=PATH takes the weights over)",
    "env.id": "the weights belong to this environment; start a new run with checkpoint.from=PATH",
    "env.config": "the observations would change their meaning; start a new run with checkpoint.from=PATH",
    "env.wrappers": "the observations would change their meaning; start a new run with checkpoint.from=PATH",
    "model": "the saved network has this shape; start a new run",
    "name": "a resumed run keeps its folder",
    "runs_dir": "a resumed run keeps its folder",
    "seed": "the run has begun with this seed; start a new run",
}
"""Keys that a resume cannot change, each with the reason and what to do instead."""


def find_config(path: Path | str) -> Path:
    """The `config.yaml` of a run folder, or of a checkpoint at or below `path`.

    Raises:
        ConfigError: there is none.
    """
    start = Path(path)
    if not start.exists():
        raise ConfigError(f"{path}: no such folder", fix="the path of a run folder, e.g. runs/<name>")
    for folder in (start, *list(start.resolve().parents)[:2]):
        if (folder / CONFIG).is_file():
            return folder / CONFIG
    raise ConfigError(f"{path} is no run folder: it has no {CONFIG}", fix="the path of a run folder, e.g. runs/<name>")


def read(path: Path) -> dict[str, Any]:
    """A saved config as plain values.

    Raises:
        ConfigError: the file is not YAML, or holds no mapping.
    """
    import yaml

    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    if not isinstance(plain, dict):
        raise ConfigError(f"{path} is damaged: it holds no mapping")
    return plain


def with_overrides(plain: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A saved config with overrides as on the command line: single keys, or whole groups chosen anew.

    Raises:
        ConfigError: bad syntax, or an unknown choice.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException
    from omegaconf import OmegaConf

    with hydra_app() as app:
        groups = set(app.list_all_config_groups())
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise ConfigError(f"no override: {str(error).splitlines()[0]}", fix="key=value") from error
    merged = dict(plain)
    chosen = [o for o in parsed if o.key_or_group in groups]
    if chosen:
        anew = compose_plain([str(o.input_line) for o in chosen]).plain
        merged.update({o.key_or_group: anew[o.key_or_group] for o in chosen if o.key_or_group in anew})
    config = OmegaConf.create(merged)
    for override in parsed:
        if override in chosen:
            continue
        if override.is_delete():
            raise ConfigError(f"{override.input_line}: keys of a saved run cannot be deleted", fix="key=null")
        OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
    result = OmegaConf.to_container(config, resolve=True)
    assert isinstance(result, dict)
    return {str(k): v for k, v in result.items()}


def refuse_untrusted(saved: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Refuses a folder that trusts more modules than this place does, unless the command line names them."""
    if any(o.lstrip("+").startswith("trusted=") for o in overrides):
        return
    lab = find_lab()
    here = {*DEFAULT_TRUSTED, *(lab.packages if lab else ())}
    more = [m for m in plain_trusted(saved) if m not in here]
    if more:
        everything = ",".join([*plain_trusted(saved)])
        raise ConfigError(
            f"this run's config may call functions of {', '.join(more)}, which nothing here trusts",
            key="trusted",
            fix=f"'trusted=[{everything}]', if you trust whoever wrote it",
        )


def refuse_frozen(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuses overrides that the saved state cannot follow, with the reason.

    Raises:
        ConfigError: naming the first such key.
    """
    for key, reason in FROZEN.items():
        old, new = _select(before, key), _select(after, key)
        if old != new:
            raise ConfigError(f"{key} cannot change on resume ({old!r} to {new!r}): {reason}", key=key)


def _select(plain: Mapping[str, Any], dotted: str) -> Any:
    node: Any = plain
    for part in dotted.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def composed(plain: dict[str, Any], choices: Mapping[str, Any]) -> Composed:
    """A saved config as if it had just been composed."""
    return Composed(plain, {str(k): v for k, v in choices.items()})
