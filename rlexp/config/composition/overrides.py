"""What a person writes on the command line, judged before Hydra composes anything.

Hydra's own answers to a wrong override ("use +key", "no viable alternative at input") help nobody who does
not know Hydra, so each override is read here first, and handed on in the form that Hydra cannot refuse.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.base.shell_commands import shell_command
from rlexp.base.suggest import is_mistyped, nearest
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.composition.files_state import UnchangedFiles, files_state
from rlexp.config.composition.groups import Groups
from rlexp.config.composition.override_syntax import parse
from rlexp.config.labs.search_path import trusted_here
from rlexp.config.schema import RunConfig

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

    from rlexp.compat.hydra import Hydra

_INSTEAD = {
    "hydra.searchpath": "--config-dir <folder>, or export RLEXP_SEARCH_PATH=<folder>",
    "hydra.run": "runs_dir=<folder> name=<name>",
    "hydra.sweep": "runs_dir=<folder>",
    "hydra.output_subdir": "runs_dir=<folder>",
    "hydra.job.name": "name=<name>",
    "hydra.job.env_set": "hardware.env_vars.<NAME>=<value>",
    "hydra.mode": "rlexp -m ...",
    "hydra.verbose": "log_level=DEBUG",
    "hydra/job_logging": "log_level=DEBUG",
    "hydra/hydra_logging": "log_level=DEBUG",
}
_TOP = {field.name for field in fields(RunConfig)} - {"choices", "kept"}


_groups: UnchangedFiles[Groups] = UnchangedFiles(most=4)


def force(
    overrides: Sequence[Override | ConfigError],
    app: Hydra,
    *,
    config_name: str = "config",
    sweep: bool = False,
) -> list[Override]:
    """The overrides as Hydra is given them: values with `++`, so that any key can be set and is judged later.

    Args:
        overrides: as on the command line, of `parse_all`.
        app: for the groups and their choices.
        config_name: the primary config, whose defaults list says which groups have a choice already.
        sweep: whether one override may hold several values (`-m`).

    Raises:
        ConfigError: unreadable, of a group that does not exist, several values without `-m`, ...
    """
    groups = _groups.get(files_state(app), config_name, lambda: Groups(app, config_name))
    forced: list[Override] = []
    problems: list[ConfigError] = []
    for override in overrides:
        try:
            if isinstance(override, ConfigError):
                raise override
            forced += _forced(override, groups, sweep)
        except ConfigError as error:
            problems.append(error)
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)
    return forced


def as_value(override: Override) -> Override:
    """The override with `++` before it: its key is set whether it is there or not."""
    from hydra.core.override_parser.types import OverrideType

    return replace(override, type=OverrideType.FORCE_ADD, input_line=f"++{_bare(override)}")


def _bare(override: Override) -> str:
    return str(override.input_line).lstrip("+")


def _forced(override: Override, groups: Groups, sweep: bool) -> list[Override]:
    key, text = override.key_or_group, str(override.input_line)
    if override.is_sweep_override() and not sweep:
        raise _several(override, groups)
    if key == "hydra" or key.startswith(("hydra.", "hydra/")):
        raise _hydra(text, key)
    if key == "sweep" or key.startswith("sweep."):
        raise ConfigError(f"{text}: a single run is no sweep", key=key, fix="rlexp -m ...")
    if key in groups.known or key in groups.default:
        return _group(override, groups)
    if override.package is not None:
        raise ConfigError(
            f"{text}: a choice goes where its group says",
            key=key,
            fix=text.replace("@", "=", 1).partition("=")[0] + "=...",
        )
    if key == "trusted" and not override.is_delete() and str(override.value()).startswith("+"):
        return [_adding_trust(str(override.value()))]
    _not_a_group(override, groups)
    return [override if override.is_delete() else as_value(override)]


def _adding_trust(value: str) -> Override:
    """`trusted=+mine` as the list that it means."""
    return parse(f"++trusted=[{','.join(dict.fromkeys([*trusted_here(), *added_modules(value)]))}]")


def added_modules(value: str) -> list[str]:
    """The modules of `+mine`, or of `+mine+yours`, as in `trusted=+mine`.

    Raises:
        ConfigError: it is no such text.
    """
    names = value.split("+")
    if (
        names[0]
        or not all(part.isidentifier() for name in names[1:] for part in name.split("."))
        or not names[1:]
    ):
        raise ConfigError(
            f"trusted={value}: a module's name is missing or cannot be one",
            key="trusted",
            fix=f"trusted=+my_package (adds it), or 'trusted=[{','.join([*DEFAULT_TRUSTED, 'my_package'])}]'",
        )
    return names[1:]


def _group(override: Override, groups: Groups) -> list[Override]:
    """A choice of a group; `+` is added where Hydra wants it and taken away where it does not."""
    from hydra.core.override_parser.types import OverrideType

    group, text = override.key_or_group, str(override.input_line)
    if override.package is not None:
        raise ConfigError(f"{text}: a choice goes where its group says", key=group, fix=f"{group}=<choice>")
    value = None if override.is_sweep_override() else override.value()
    if override.is_delete() or (value is None and not override.is_sweep_override()):
        return _left_out(text, group, groups)
    if isinstance(value, dict):  # Not a choice but keys of the group, given at once.
        return [as_value(override)]
    if isinstance(value, list) and isinstance(groups.default.get(group), str):
        fix = f"{group}={value[0]}" if value else f"{group}=<choice>"
        raise ConfigError(f"{text}: {group} takes one choice", key=group, fix=fix)
    if not groups.choices(group):
        raise ConfigError(f"{text}: {group} has no choices here", key=group, fix=f"leave {group} out")
    names = [] if override.is_sweep_override() else value if isinstance(value, list) else [value]
    for name in names:
        if str(name) not in groups.choices(group):
            raise unknown_choice(group, str(name), groups.choices(group))
    if group in groups.default:
        return [replace(override, type=OverrideType.CHANGE, input_line=_bare(override))]
    return [replace(override, type=OverrideType.ADD, input_line=f"+{_bare(override)}")]


def _left_out(text: str, group: str, groups: Groups) -> list[Override]:
    """`~group` and `group=null`: fine where nothing is chosen by default, else `none` is the word."""
    if groups.default.get(group) is None:
        return []
    fix = f"{group}=none" if "none" in groups.choices(group) else f"{group}=<choice>; see rlexp list {group}"
    raise ConfigError(f"{text}: a run needs a choice of {group}", key=group, fix=fix)


def unknown_choice(group: str, choice: str, known: Sequence[str]) -> ConfigError:
    """There is no such choice in the group: what became of it, or the nearest, and all there are."""
    from rlexp.config.classic import for_choice

    if (answer := for_choice(group, choice)) is not None:
        return ConfigError(f"{group}={choice}: {answer.reason}", key=group, fix=answer.fix)
    close = nearest(choice, known)
    mistyped = bool(close) and is_mistyped(choice, close[0])
    return ConfigError(
        f"{group}={choice}: there is no such choice (there are: {', '.join(known)})",
        key=group,
        suggestions=[f"{group}={name}" for name in close],
        fix=f"{group}={close[0]}" if mistyped else f"{group}=<choice>; rlexp list {group} describes them",
    )


def _not_a_group(override: Override, groups: Groups) -> None:
    """Refuses what can only have been meant as a choice, and keys of groups that have none of their own."""
    key, text = override.key_or_group, str(override.input_line)
    head, _, rest = key.partition(".")
    if rest and head not in _TOP and head in (groups.known | groups.default.keys()):
        raise ConfigError(
            f"{key}: {head} has no keys of its own; its choices set keys of other groups",
            key=key,
            fix=f"{head}=<choice>; see rlexp list {head}",
        )
    if rest or key in _TOP or override.is_delete() or override.is_sweep_override():
        return
    value = str(override.value())
    close = [g for g in _groups_meant(key, groups) if value in groups.choices(g)]
    found = [f"{group}={value}" for group in close]
    if found:
        raise ConfigError(f"{text}: there is no group {key}", key=key, suggestions=found[1:], fix=found[0])


def _groups_meant(key: str, groups: Groups) -> list[str]:
    """Groups whose name is like `key`, or that a name from elsewhere stands for."""
    from rlexp.config.classic import answer

    known = answer(key, "")
    return [*nearest(key, sorted(groups.known)), *(known.keys if known else ())]


def _several(override: Override, groups: Groups) -> ConfigError:
    key, text, bare = override.key_or_group, str(override.input_line), _bare(override)
    kind = override.value_type.name if override.value_type else ""
    if "INTERVAL" in kind:
        return ConfigError(
            f"{text} is a range to search; one run needs one value", key=key, fix=f"{key}=<value>"
        )
    fix = f"{shell_command('-m', bare)}   (a run for each)"
    if isinstance(groups.default.get(key), list) and "(" not in bare:
        together = shlex.quote(f"{key}=[{bare.partition('=')[2]}]")
        fix = f"{together}   (all in one run)"
    return ConfigError(f"{text}: several values need -m", key=key, fix=fix)


def _hydra(text: str, key: str) -> ConfigError:
    """Settings of Hydra's own do nothing: runs have folders of their own."""
    fix = next(
        (new for old, new in _INSTEAD.items() if key == old or key.startswith(f"{old}.")), f"remove {text}"
    )
    return ConfigError(
        f"{key} has no effect: Hydra composes the config here and runs nothing", key=key, fix=fix
    )
