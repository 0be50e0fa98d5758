"""Overrides to one plain, typed `RunConfig`: Hydra composes, this project judges.

Hydra's own answer to a key it does not know is "use +key". Here every value override is handed to Hydra as a forced
one, and the keys are judged afterwards against the schema and RLlib's signatures, so a plus sign changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.config.schema import RunConfig
from rlexp.config.search import config_dirs, extend_sys_path, find_lab
from rlexp.config.suggest import nearest
from rlexp.errors import ConfigError

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra
    from omegaconf import DictConfig

OPTIONAL_GROUPS = {"experiment", "debug", "tuned"}


@dataclass(frozen=True)
class Composed:
    """What Hydra made of the overrides: plain values, and which choice each group got."""

    plain: dict[str, Any]
    choices: dict[str, str | list[str]]


def compose(
    overrides: Sequence[str] = (), *, config_name: str = "config", config_dir: Path | str | None = None
) -> RunConfig:
    """Composes and checks a run, as `rlexp [overrides]` does.

    Args:
        overrides: as on the command line, e.g. `["env=acrobot", "algorithm.lr=3e-4"]`.
        config_name: the primary config.
        config_dir: one more folder of choices, searched first.

    Raises:
        ConfigError: an override that is unknown, ill-typed, out of range, or does not fit the others.
    """
    from rlexp.config.checks import check

    composed = compose_plain(overrides, config_name=config_name, config_dir=config_dir)
    return check(composed)


def compose_plain(
    overrides: Sequence[str], *, config_name: str = "config", config_dir: Path | str | None = None
) -> Composed:
    """Composes without judging the values; only Hydra's own errors (unknown choice, bad syntax) are raised."""
    with hydra_app(config_dir) as app:
        forced = force(overrides, app)
        with readable_errors(app, overrides):
            from hydra.types import RunMode

            config = app.compose_config(
                config_name=config_name, overrides=forced, run_mode=RunMode.RUN, with_log_configuration=False
            )
            return to_plain_values(config)


def to_plain_values(config: DictConfig) -> Composed:
    """A composed Hydra config as plain values; interpolations resolved, the `hydra` node left out."""
    from omegaconf import OmegaConf

    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    assert isinstance(choices, dict)
    mine = {k: v for k, v in choices.items() if not str(k).startswith("hydra/") and v is not None}
    without_hydra = OmegaConf.masked_copy(config, [k for k in config if k != "hydra"])
    plain = OmegaConf.to_container(without_hydra, resolve=True, throw_on_missing=False)
    assert isinstance(plain, dict)
    lab = find_lab()
    if lab and isinstance(plain.get("trusted"), list):
        plain["trusted"] = list(dict.fromkeys([*plain["trusted"], *lab.packages]))
    return Composed(plain, mine)


@contextmanager
def hydra_app(config_dir: Path | str | None = None) -> Iterator[Hydra]:
    """A Hydra over the shipped and the lab's choices, for one use."""
    from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
    from hydra._internal.hydra import Hydra
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    extend_sys_path()
    search_path = ConfigSearchPathImpl()
    search_path.append("hydra", "pkg://hydra.conf")
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise ConfigError(f"--config-dir {config_dir}: no such folder")
        search_path.append("command-line", f"file://{Path(config_dir).resolve()}")
    for index, folder in enumerate(config_dirs()):
        search_path.append("main" if index == 0 else f"lab{index}", f"file://{folder}")
    for plugin in Plugins.instance().discover(SearchPathPlugin):
        plugin().manipulate_search_path(search_path)
    search_path.append("schema", "structured://")
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield Hydra.create_main_hydra2("rlexp", search_path)
    finally:
        GlobalHydra.instance().clear()
        if before is not None:
            GlobalHydra.instance().initialize(before)


def force(overrides: Sequence[str], app: Hydra) -> list[str]:
    """Value overrides with `++`, so that Hydra sets any key; choices of groups and deletions as they are."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    parser = OverridesParser.create(config_loader=app.config_loader)
    groups = set(app.list_all_config_groups())
    forced = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except OverrideParseException as error:
            raise ConfigError(
                f"{text!r} is no override: {str(error).splitlines()[0]}",
                fix="key=value, quoted for the shell where it has brackets or spaces: 'key=[1,2]'",
            ) from error
        key = override.key_or_group
        if override.is_delete() or key in groups or key.startswith("hydra"):
            forced.append(text)
        else:
            forced.append("++" + text.lstrip("+"))
    return forced


@contextmanager
def readable_errors(app: Hydra, overrides: Sequence[str]) -> Iterator[None]:
    """Hydra's composition errors as ours: the group, the nearest choices, and what to write."""
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except MissingConfigException as error:
        raise _unknown_choice(error.missing_cfg_file or "", app) or ConfigError(str(error)) from error
    except HydraException as error:
        raise _explain(error, app, overrides) from error
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or None
        raise ConfigError(str(error).splitlines()[0], key=key) from error


def _unknown_choice(missing: str, app: Hydra) -> ConfigError | None:
    group, _, choice = missing.rpartition("/")
    if not group:
        return None
    known = app.config_loader.get_group_options(group)
    close = nearest(choice, known)
    return ConfigError(
        f"{group}={choice}: there is no such choice (there are: {', '.join(known)})",
        key=group,
        suggestions=[f"{group}={name}" for name in close],
        fix=f"{group}={close[0]}" if close else f"rlexp list {group}",
    )


def _explain(error: Exception, app: Hydra, overrides: Sequence[str]) -> ConfigError:
    message = str(error).splitlines()[0]
    groups = app.list_all_config_groups()
    for text in overrides:
        key = text.lstrip("+~").split("=", 1)[0]
        if key in groups and f"'{key}" in message and "defaults list" in message:
            return ConfigError(
                f"{key}: the config in use has no group of that name to choose from",
                key=key,
                fix=f"single keys ({key}.<key>=<value>), or start from the shipped config.yaml",
            )
    return ConfigError(message)


def plain_trusted(plain: Mapping[str, Any]) -> list[str]:
    """The modules that a plain config trusts."""
    trusted = plain.get("trusted")
    return [str(name) for name in trusted] if isinstance(trusted, list) else []
