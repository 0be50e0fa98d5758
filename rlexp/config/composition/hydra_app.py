"""Hydra, set up over the shipped and the lab's choices: what it composes, as plain values, and its errors as ours."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.composition.composed import Composed
from rlexp.config.composition.files_state import UnchangedFiles, files_state
from rlexp.config.composition.interpolation import bounded
from rlexp.config.composition.override_syntax import parse
from rlexp.config.composition.overrides import unknown_choice
from rlexp.config.env_var_secrets import ENVIRONMENT, secrets_of
from rlexp.config.labs.search_path import config_dirs, extend_sys_path, labs_in_use

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

    from rlexp.compat.hydra import Hydra

_composing = threading.RLock()
"""Hydra is one a process: threads compose one after another."""


def compose_forced(app: Hydra, forced: Sequence[Override], *, config_name: str = "config") -> Composed:
    """What Hydra makes of overrides that `force` has put into its form."""
    choices = [str(each.input_line) for each in forced if not (each.is_force_add() or each.is_delete())]
    values = [each for each in forced if each.is_force_add() or each.is_delete()]
    return Composer(app, config_name).compose(choices, values)


Base = tuple["DictConfig", dict[str, Any], bool]
_bases: UnchangedFiles[Base] = UnchangedFiles(most=32)


class Composer:
    """Composes many configs; files are read once for each combination of choices, which is most of the work."""

    def __init__(self, app: Hydra, config_name: str = "config") -> None:
        self._app, self._name = app, config_name
        self._files = files_state(app)
        self._own: dict[tuple[str, ...], Base] = {}

    def compose(self, forced: Sequence[str], values: Sequence[Override] = ()) -> Composed:
        """What Hydra makes of overrides that `force` has put into its form.

        Args:
            forced: choices of groups, and values, as text.
            values: more values; they differ from call to call.
        """
        from omegaconf import OmegaConf

        with readable_errors(self._app, self._name):
            config, choices, looks_up = self._base(tuple(forced))
            if values:
                config = copy.deepcopy(config)
                _apply(config, values)
            plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
            raw: Any = {}
            if looks_up or any(ENVIRONMENT in str(each.input_line) for each in values):
                raw = OmegaConf.to_container(config, resolve=False)
        if isinstance(plain.get("trusted"), list):
            of_labs = [package for lab in labs_in_use() for package in lab.packages]
            plain["trusted"] = list(dict.fromkeys([*plain["trusted"], *of_labs]))
        return Composed(plain, dict(choices), secrets_of(raw, plain) if raw else {})

    def _base(self, forced: tuple[str, ...]) -> Base:
        """The config without the `hydra` node, nothing resolved; which choice each group got; whether it looks into
        the environment.
        """
        if forced not in self._own:
            key = self._name, forced
            self._own[forced] = _bases.get(self._files, key, lambda: self._merged(forced))
        return self._own[forced]

    def _merged(self, forced: tuple[str, ...]) -> Base:
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        try:
            config = self._app.compose_config(
                config_name=self._name,
                overrides=list(forced),
                run_mode=RunMode.RUN,
                with_log_configuration=False,
            )
        except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # Hydra takes much for granted of the files that it merges.
            message = f"Hydra cannot compose this config: {type(error).__name__}: {error}"
            raise ConfigError(message, fix="rlexp --info defaults shows which files it takes") from error
        refuse_hydra_settings(config.hydra)
        choices: Any = OmegaConf.to_container(config.hydra.runtime.choices)
        mine = {
            group: choice
            for group, choice in choices.items()
            if not str(group).startswith("hydra/") and choice is not None and self._exists(group, choice)
        }
        own = OmegaConf.masked_copy(config, [str(k) for k in config if k != "hydra"])
        return own, mine, ENVIRONMENT in str(OmegaConf.to_container(own, resolve=False))

    def _exists(self, group: str, choice: str | list[str]) -> bool:
        """True if the choice has a file: Hydra also lists optional ones, such as `tuned`, for which there is none."""
        names = [choice] if isinstance(choice, str) else choice
        repository = self._app.config_loader.repository  # type: ignore[attr-defined]
        return all(repository.config_exists(f"{group}/{name}") for name in names)


def with_values(plain: Mapping[str, Any], values: Sequence[str]) -> dict[str, Any]:
    """What was composed, with more values on top; no file is read.

    Args:
        plain: of a `Composed`; is left as it is.
        values: `++key=value`.

    Raises:
        ConfigError: a value cannot go there.
    """
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    config = OmegaConf.create(dict(plain))
    try:
        _apply(config, [parse(text) for text in values])
    except (OmegaConfBaseException, HydraException) as error:
        raise ConfigError(f"{' '.join(values)}: {str(error).splitlines()[0]}") from error
    # Not resolved: all that was composed is, and a value in a frozen file is to read nothing out.
    found = OmegaConf.to_container(config, resolve=False)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def _apply(config: DictConfig, values: Sequence[Override]) -> None:
    from rlexp.compat.hydra import apply_overrides

    apply_overrides(config, values)


@contextmanager
def hydra_app(config_dir: Path | str | None = None) -> Iterator[Hydra]:
    """A Hydra over the shipped and the lab's choices, for one use."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    from rlexp.compat.hydra import ConfigSearchPathImpl, Hydra
    from rlexp.config.composition.hydra_files import FOREIGN, Loader, refuse_search_paths

    extend_sys_path()
    search_path = ConfigSearchPathImpl()
    search_path.append("hydra", "pkg://hydra.conf")
    if config_dir is not None:
        if not Path(config_dir).is_dir():
            raise ConfigError(f"--config-dir {config_dir}: no such folder")
        refuse_search_paths(Path(config_dir))
        search_path.append(FOREIGN, f"file://{Path(config_dir).resolve()}")
    for index, folder in enumerate(config_dirs()):
        search_path.append("main" if index == 0 else f"lab{index}", f"file://{folder}")
    for plugin in Plugins.instance().discover(SearchPathPlugin):
        plugin().manipulate_search_path(search_path)  # type: ignore[attr-defined]
    search_path.append("schema", "structured://")
    with _composing:
        before = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        try:
            app = Hydra("rlexp", Loader(search_path))
            GlobalHydra.instance().initialize(app)
            yield app
        finally:
            GlobalHydra.instance().clear()
            if before is not None:
                GlobalHydra.instance().initialize(before)


@contextmanager
def readable_errors(app: Hydra, config_name: str = "config") -> Iterator[None]:
    """Hydra's composition errors as ours: the key or group, the nearest choices, and what to write."""
    from hydra.errors import HydraException, MissingConfigException

    try:
        with readable_values():
            yield
    except MissingConfigException as error:
        raise _missing(error.missing_cfg_file or config_name, app) from error
    except HydraException as error:
        raise _explain(error) from error


@contextmanager
def readable_values() -> Iterator[None]:
    """Errors of a value that cannot go where it should as ours: the key, and why."""
    from omegaconf.errors import OmegaConfBaseException

    try:
        with bounded():
            yield
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or None
        text = str(error).splitlines()[0]
        raise ConfigError(f"{key}: {text}" if key else text, key=key) from error
    except RecursionError as error:
        raise ConfigError("the config is nested too deep, or one of its files takes itself") from error


def _missing(name: str, app: Hydra) -> ConfigError:
    """A config file that is not there: a choice of a group, or the primary config itself."""
    group, _, choice = name.rpartition("/")
    if group:
        return unknown_choice(group, choice, app.config_loader.get_group_options(group))
    known = [option for option in app.config_loader.get_group_options("") if not option.startswith("_")]
    close = nearest(name, known)
    return ConfigError(
        f"there is no primary config {name} (there are: {', '.join(known)})",
        suggestions=[f"--config-name {option}" for option in close],
        fix=f"--config-name {(close or ['config'])[0]}",
    )


def _explain(error: Exception) -> ConfigError:
    text = " ".join(line.strip() for line in str(error).splitlines()[:2] if line.strip())
    missing = re.match(r"Could not delete from config\. '(?P<key>[^']+)' does not exist", text)
    if missing:
        key = missing["key"]
        return ConfigError(f"~{key}: there is no {key} to leave out", key=key, fix=f"remove ~{key}")
    cause = error.__cause__
    return ConfigError(f"{text} {str(cause).splitlines()[0]}" if cause and str(cause) else text)


def refuse_hydra_settings(node: Mapping[str, Any]) -> None:
    """Refuses what a config file tells Hydra to do: rlexp runs the job itself, so it would do nothing here.

    Raises:
        ConfigError: naming the first such key.
    """
    job = node["job"]
    asked = {
        "hydra.searchpath": node["searchpath"],
        "hydra.callbacks": node["callbacks"],
        "hydra.job.env_set": job["env_set"],
        "hydra.job.env_copy": job["env_copy"],
        "hydra.job.chdir": job["chdir"],
        "hydra.mode": None
        if str(node["mode"]) in ("None", "RunMode.RUN", "RunMode.MULTIRUN")
        else node["mode"],
    }
    for key, value in asked.items():
        if value:
            message = f"{key} in a config file has no effect: Hydra composes the config here and runs nothing"
            raise ConfigError(message, key=key, fix=f"remove {key} from the file")
