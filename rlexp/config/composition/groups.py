"""The groups that a run's config can choose from: the folders of choices on the search path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError

if TYPE_CHECKING:
    from rlexp.compat.hydra import Hydra

MOST_GROUPS, MOST_NESTED = 1_000, 10
"""Folders of choices, and how deep they may be nested; the shipped ones are some twenty, two deep."""


class Groups:
    """The groups that can be chosen from, and which of them the primary config chooses by default.

    Attributes:
        known: every group that has choices.
        default: the primary config's own choice by group: a name, a list of names, or None.
    """

    def __init__(self, app: Hydra, config_name: str = "config") -> None:
        # The loader's own methods compose Hydra's config anew on every call, which takes a second in all.
        self._repository: Any = app.config_loader.repository  # type: ignore[attr-defined]
        self._choices: dict[str, list[str]] = {}
        self._looked = 0
        self._walk("")
        self.known = set(self._choices)
        self.default: dict[str, Any] = {}
        primary = self._repository.load_config(config_name)
        for item in (primary.defaults_list if primary else None) or []:
            if hasattr(item, "group"):
                self.default[str(item.group).lstrip("/")] = item.value

    def choices(self, group: str) -> list[str]:
        """The names that may be chosen in a group."""
        return self._choices.get(group, [])

    def _walk(self, parent: str) -> None:
        from hydra.core.object_type import ObjectType

        for name in self._repository.get_group_options(parent, ObjectType.GROUP):
            group = f"{parent}/{name}" if parent else name
            if group == "hydra":
                continue
            self._looked += 1
            if group.count("/") > MOST_NESTED or self._looked > MOST_GROUPS:
                raise ConfigError(
                    f"the folders of choices are more than {MOST_GROUPS:,} or nested more than {MOST_NESTED} deep: "
                    f"{_beginning(group)}",
                    fix="look there for a link to a folder that it lies in, and remove it",
                )
            if files := self._repository.get_group_options(group, ObjectType.CONFIG):
                self._choices[group] = list(files)
            self._walk(group)


def choices_named(word: str, groups: Groups | None = None) -> list[str]:
    """`group=word` for every group that has a choice of that name."""
    if groups is not None:
        return sorted(f"{group}={word}" for group in groups.known if word in groups.choices(group))
    from rlexp.config.labs.search_path import config_dirs

    folders = config_dirs()
    return sorted({f"{f.parent.name}={f.stem}" for folder in folders for f in folder.glob(f"*/{word}.yaml")})


def _beginning(group: str) -> str:
    return group if len(group) < 80 else f"{group[:77]}..."
