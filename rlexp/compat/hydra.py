"""Hydra's private parts, and what is asked of them: rows `hydra.*`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigSource
from omegaconf import DictConfig

from rlexp.compat.applied import needed

with needed("hydra.app"):
    from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
    from hydra._internal.hydra import Hydra
with needed("hydra.loader"):
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
with needed("hydra.files"):
    from hydra._internal.core_plugins.file_config_source import FileConfigSource

__all__ = [
    "CachingConfigRepository",
    "ConfigLoaderImpl",
    "ConfigRepository",
    "ConfigSearchPathImpl",
    "FileConfigSource",
    "Hydra",
    "apply_overrides",
    "argument_parser",
    "header_of",
    "sweep_value",
    "value_text",
]


def apply_overrides(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Changes a composed config as overrides of its keys say."""
    with needed("hydra.loader"):
        ConfigLoaderImpl._apply_overrides_to_config(list(overrides), config)


def header_of(text: str) -> dict[str, str | None]:
    """What `# @package ...` says at the top of a choice's file; ValueError where it says too much."""
    return ConfigSource._get_header_dict(text)


def sweep_value(override: Override) -> Any:
    """An override's value as it was parsed: a sweep where it is one."""
    return override._value


def value_text(override: Override, value: Any) -> str:
    """One value of an override, as a person types it."""
    return str(override._get_value_element_as_str(value))


def argument_parser() -> ArgumentParser:
    """The parser of Hydra's own command line."""
    with needed("hydra.app"):
        from hydra._internal.utils import get_args_parser

        return get_args_parser()
