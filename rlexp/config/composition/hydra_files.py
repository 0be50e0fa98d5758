"""Hydra's reading of config files, through `rlexp.base.yaml.reader`, and bounded in how much it composes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from omegaconf import OmegaConf

from rlexp.base.errors import ConfigError
from rlexp.base.yaml.reader import count, read, read_mapping, read_text
from rlexp.compat.hydra import (
    CachingConfigRepository,
    ConfigLoaderImpl,
    ConfigRepository,
    FileConfigSource,
    header_of,
)

FOREIGN = "command-line"
"""The provider of `--config-dir`: its files may be a stranger's."""

MAX_FILES = 1_000
"""Files that the defaults lists of one config may take, those taken twice counted twice; the shipped ones take 100."""
MOST_VALUES = 10_000
"""Values in all files of one config together, keys included: OmegaConf copies and merges them for seconds."""
KEYLESS = ("experiment", "debug", "tuned")
"""Groups whose choices only set keys of others."""
_GROUP = re.compile(r"((optional|override)\s+)*[^\s@:]+(@[^\s@]*)?")


@dataclass
class Budget:
    """Values that the files of one config may still have together."""

    left: int = MOST_VALUES


class FileSource(FileConfigSource):
    """A folder of config files."""

    def __init__(self, provider: str, path: str, budget: Budget) -> None:
        super().__init__(provider, path)
        self._budget = budget

    def load_config(self, config_path: str) -> ConfigResult:
        """One file, checked.

        Raises:
            ConfigError: it is no config; says file and line.
        """
        file = Path(self.path, self._normalize_file_name(config_path)).resolve()
        if not file.exists():
            raise ConfigLoadError(f"Config not found : {file}")
        plain = read_mapping(file, interpolations="keys" if self.provider == FOREIGN else "all")
        self._budget.left -= count(plain)
        if self._budget.left < 0:
            raise ConfigError(
                f"{file}: the files of this config have more than {MOST_VALUES:,} values together"
            )
        _check_keys(plain, file)
        _check_defaults(plain.get("defaults"), file)
        header = _header(file)
        _check_package(plain, header, config_path, file)
        return ConfigResult(
            config=OmegaConf.create(plain),
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header=header,
        )


class Repository(ConfigRepository):
    """All folders of config files."""

    def initialize_sources(self, config_search_path: ConfigSearchPath) -> None:
        """Files are read by `FileSource`."""
        super().initialize_sources(config_search_path)
        self.budget = Budget()
        self.sources = [
            FileSource(source.provider, source.path, self.budget)
            if source.scheme() == FileSource.scheme()
            else source
            for source in self.sources
        ]


class BoundedRepository(CachingConfigRepository):
    """The files that one config is composed of: a bounded number, so that defaults lists cannot multiply."""

    def __init__(self, delegate: Repository) -> None:
        super().__init__(delegate)  # It copies the delegate, budget and all.
        self._taken = 0

    def load_config(self, config_path: str) -> ConfigResult | None:
        """One file.

        Raises:
            ConfigError: too many have been asked for.
        """
        self._taken += 1
        if self._taken > MAX_FILES:
            message = f"{config_path}: the defaults lists take more than {MAX_FILES:,} files in all"
            raise ConfigError(message, key="defaults")
        return super().load_config(config_path)


class Loader(ConfigLoaderImpl):
    """Hydra's composer over these."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository: Repository = Repository(config_search_path)

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        parsed = OverridesParser.create().parse_overrides(overrides=overrides)
        repository = BoundedRepository(self.repository)
        self._process_config_searchpath(config_name, parsed, repository)
        return parsed, repository


def _header(file: Path) -> dict[str, str | None]:
    """What `# @package ...` says at the file's top."""
    text = read_text(file)[:512]
    try:
        return header_of(text)
    except ValueError as error:
        raise ConfigError(f"{file}, line 1: {error}", fix="# @package _global_") from error


def _check_package(
    plain: dict[Any, Any], header: dict[str, str | None], config_path: str, file: Path
) -> None:
    """Files of groups without keys of their own say that they set those of others, or every key would be unknown."""
    group = config_path.partition("/")[0]
    if "/" in config_path and group in KEYLESS and header["package"] is None and plain.keys() - {"defaults"}:
        message = (
            f"{file}: {group} has no keys of its own; a file of it sets the keys of other groups, and says so"
        )
        raise ConfigError(message, key=group, fix="# @package _global_   (as the file's first line)")


def _check_keys(plain: dict[Any, Any], file: Path) -> None:
    for key in plain:
        if isinstance(key, str) and "." in key:
            *groups, last = key.split(".")
            fix = "".join(f"{group}: {{" for group in groups) + f"{last}: ..." + "}" * len(groups)
            message = f"{file}: the key {key}: dots are for the command line, in a file keys nest"
            raise ConfigError(message, key=key, fix=fix)


def _check_defaults(items: Any, file: Path) -> None:
    """A defaults list has texts, and single keys with a name, names or None.

    Raises:
        ConfigError: it has not.
    """
    if items is None:
        return
    fix = "defaults: [_self_, algorithm: ppo]"
    if not isinstance(items, list):
        raise ConfigError(f"{file}: defaults must be a list, not {items!r:.60}", key="defaults", fix=fix)
    for item in items:
        if not isinstance(item, str) and not _is_choice(item):
            message = f"{file}: {item!r:.60} in the defaults list is neither a file's name nor group: choice"
            raise ConfigError(message, key="defaults", fix=fix)


def _is_choice(item: Any) -> bool:
    if not isinstance(item, dict) or len(item) != 1:
        return False
    ((group, choice),) = item.items()
    names = choice if isinstance(choice, list) else [choice]
    is_group = isinstance(group, str) and _GROUP.fullmatch(group) is not None
    return is_group and all(name is None or isinstance(name, str) for name in names)


def refuse_search_paths(folder: Path) -> None:
    """Refuses a folder whose primary configs add to Hydra's search path: `pkg://` there imports a package.

    Raises:
        ConfigError: naming the file.
    """
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
