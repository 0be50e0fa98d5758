"""The config of an earlier run, read back from its folder, with overrides on top.

A run folder may come from a stranger: the modules it trusts are not trusted here because it says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlexp.base.dotted import at
from rlexp.base.errors import ConfigError
from rlexp.base.moved_names import current_name
from rlexp.base.yaml.reader import RunLoader, read_mapping
from rlexp.config.composition.composed import Composed
from rlexp.config.composition.groups import Groups
from rlexp.config.composition.hydra_app import compose_forced, hydra_app, readable_errors, readable_values
from rlexp.config.composition.override_syntax import parse, parse_all
from rlexp.config.composition.overrides import force
from rlexp.config.convert import to_plain, to_run_config
from rlexp.config.env_var_secrets import interpolations
from rlexp.config.keys.key_table import FROZEN
from rlexp.config.trust.foreign import refuse_foreign, said_by
from rlexp.config.trust.trusted_modules import trusting_own
from rlexp.storage.signed_files import is_own

CONFIG = "config.yaml"

_ABSENT = object()
MOST_DIFFERENCES = 10
"""Lines of what differs, in a message."""


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
    fix = "the path of a run folder, e.g. runs/<name>; for a sweep's, rlexp resume, or rlexp.resume_multirun in Python"
    raise ConfigError(f"{path} is no run folder: it has no {CONFIG}", fix=fix)


def read(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A saved config as plain values.

    Args:
        path: the file.
        overrides: of the command line; the keys that they set may be `${...}` in the file, which is not looked up.

    Raises:
        ConfigError: the file is not YAML, is too large, holds no mapping, or has `${...}` in it.
    """
    plain = read_mapping(path, origin=f"{path} is damaged", interpolations="unread", loader=RunLoader)
    _refuse_lookups(plain, {text.lstrip("+").partition("=")[0] for text in overrides}, f"{path}")
    return plain


def _refuse_lookups(plain: Mapping[str, Any], given: Collection[str], origin: str) -> None:
    """Refuses `${...}` in a saved config, but at the keys that the command line gives anew.

    It could read out the environment of whoever opens the run; only the command line may.
    """
    for key, text in interpolations(plain).items():
        if key not in given:
            message = f"{origin}: {key} is {text!r:.200}, which is not looked up: it may be a stranger's"
            raise ConfigError(
                message, key=key, fix=f"'{key}={text:.200}' beside it, if you mean to; or its value"
            )


def with_overrides(plain: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A saved config with overrides as on the command line: single keys, or groups chosen anew.

    Raises:
        ConfigError: bad syntax, or an unknown choice.
    """
    return Changes(overrides).on(plain)


class Changes:
    """Overrides as on the command line, read and composed once, to be put on any number of saved configs.

    Attributes:
        overrides: as given.
        choices: which choice each group gets that is chosen anew.

    Raises:
        ConfigError: bad syntax, or an unknown choice.
    """

    def __init__(self, overrides: Sequence[str]) -> None:
        self.overrides = tuple(overrides)
        with hydra_app() as app:
            with readable_errors(app):
                parsed = force(parse_all(overrides, app), app)
            groups = Groups(app).known
            chosen = [o for o in parsed if o.key_or_group in groups and not isinstance(o.value(), dict)]
            anew = compose_forced(app, [*chosen, parse("tuned=none", app)]) if chosen else None
        self._values = [override for override in parsed if override not in chosen]
        self._anew: dict[str, Any] = {}
        self.choices: dict[str, str | list[str]] = {}
        for override in chosen:
            group = override.key_or_group
            if anew is None or group not in anew.plain:
                raise ConfigError(
                    f"{override.input_line}: {group} sets keys of other groups, which a saved run has already",
                    key=group,
                    fix="the single keys, e.g. stop.env_steps=1000",
                )
            self._anew[group] = anew.plain[group]
            # Hydra names the choice of a group that takes one, and keeps silent on those that take several.
            self.choices[group] = anew.choices.get(group, _names(override.value()))
        for override in self._values:
            if override.is_delete():
                raise ConfigError(
                    f"{override.input_line}: keys of a saved run cannot be left out",
                    key=override.key_or_group,
                    fix=f"{override.key_or_group}=null",
                )

    def touches(self, group: str) -> bool:
        """True if a group, or a key of it, is among what is changed."""
        keys = (override.key_or_group for override in self._values)
        return group in self._anew or any(key == group or key.startswith(f"{group}.") for key in keys)

    def on(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """A saved config with the overrides on top.

        Raises:
            ConfigError: a value cannot go there.
        """
        from omegaconf import OmegaConf

        kept = {**_without_trust(plain), **self._anew}
        _refuse_lookups(kept, {override.key_or_group for override in self._values}, "this run's config")
        config = OmegaConf.create(kept)
        with readable_values():
            for override in self._values:
                OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
            result = OmegaConf.to_container(config, resolve=True)
        assert isinstance(result, dict)
        return {str(k): v for k, v in result.items()}


def _names(value: Any) -> str | list[str]:
    return [str(name) for name in value] if isinstance(value, list) else str(value)


def _without_trust(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A saved config does not vouch for checkpoints: whether they are trusted, the command line says."""
    merged = dict(plain)
    if isinstance(merged.get("checkpoint"), dict):
        merged["checkpoint"] = {**merged["checkpoint"], "trust": False}
    return merged


def opened(
    file: Path, overrides: Sequence[str], *, vouched: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A saved config, and the same with overrides on top; arguments and errors as `looked_through`."""
    before, own = looked_through(file, overrides, vouched=vouched)
    return before, trusting(with_overrides(before, overrides), overrides, own=own)


def looked_through(
    file: Path,
    overrides: Sequence[str],
    *,
    origin: str = "this run's config",
    vouched: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], bool]:
    """A saved config, and whether this user has saved it; another's has nothing in it that only this user may decide.

    Args:
        file: the config.
        overrides: of the command line.
        origin: what the config came from, for the message.
        vouched: a config that has been accepted; what it asks for is granted.

    Raises:
        ConfigError: damaged, a bad override, or a config that would let its author run code here: names each key, and
            what to write if its author is trusted.
    """
    own = is_own(file)
    plain = read(file, overrides)
    own = own and is_own(file)  # It may have been exchanged in between.
    refuse_foreign(_without_trust(plain), overrides, origin=origin, vouched=vouched, own=own)
    return plain, own


def trusting(after: Mapping[str, Any], overrides: Sequence[str], *, own: bool) -> dict[str, Any]:
    """A config with overrides on top, with all trusted that this user has named: in all of it, or in the overrides."""
    return trusting_own(after) if own else trusting_own(after, said_by(overrides))


def refuse_frozen(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuses overrides that the saved state cannot follow, with the reason and all that differs.

    Raises:
        ConfigError: naming the first such key.
    """
    for key, reason in FROZEN.items():
        changed = _known_differences(before, after, key)
        if changed and (changed := _typed_differences(before, after, key)):
            lines = [f"{name}: {_shown(old)} to {_shown(new)}" for name, old, new in changed]
            raise ConfigError(_frozen(key, reason, lines), key=key)


def _typed_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], key: str
) -> list[tuple[str, Any, Any]]:
    """What differs once both have their types, if they can be given any: a file may leave out what is the default."""
    with suppress(ConfigError):
        before, after = to_plain(to_run_config(before, {})), to_plain(to_run_config(after, {}))
    return _known_differences(before, after, key)


def _known_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], key: str
) -> list[tuple[str, Any, Any]]:
    """What differs, as far as it is known: what a `${...}` stood for is not."""
    return [
        (name, old, new)
        for name, old, new in _differences(at(before, key), at(after, key), key)
        if not (isinstance(old, str) and "${" in old)
    ]


def _differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each dotted key at which two plain configs differ, with both values; `_ABSENT` for none, which is as None."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            inner = f"{key}.{name}" if key else str(name)
            yield from _differences(old.get(name, _ABSENT), new.get(name, _ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{key}[{index}]")
    elif _comparable(old) != _comparable(new):
        yield key, old, new


def _comparable(value: Any) -> Any:
    """A value as it is compared: an import path by today's name of its module, and what is absent as None."""
    if value is _ABSENT:
        return None
    return current_name(value) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    """A value of `_differences`, as a message has it."""
    return "nothing" if value is _ABSENT else repr(value)


def _frozen(key: str, reason: str, lines: Sequence[str]) -> str:
    if len(lines) == 1:
        return f"{key} cannot change on resume ({lines[0].removeprefix(f'{key}: ')}): {reason}"
    more = [f"and {len(lines) - MOST_DIFFERENCES} more"] if len(lines) > MOST_DIFFERENCES else []
    listed = "".join(f"\n  {line}" for line in [*lines[:MOST_DIFFERENCES], *more])
    return f"{key} cannot change on resume: {reason}{listed}"


def composed(
    plain: dict[str, Any], choices: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> Composed:
    """A saved config as if it had just been composed; what was kept as `${...}` in `before` stays so in files."""
    return Composed(plain, {str(k): v for k, v in choices.items()}, interpolations(before or {}))
