"""What a config from elsewhere may name by import path; all else is refused before anything of it is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.callables.source_files import defining_module, derives_from, source_tree
from rlexp.config.callables.targets import DEFAULT_TRUSTED, NEVER_TRUSTED, is_trusted, locate, within
from rlexp.config.trust.allow_list import BUFFER, ENVIRONMENT, NOTHING, Place, is_import_path
from rlexp.config.trust.replay_buffers import SHORT_NAMES
from rlexp.config.trust.trusted_modules import Named, named

REGISTERED_BY = ("gymnasium.envs", "minigrid", "ale_py")
"""Modules whose environments a config from elsewhere may name by a Gymnasium id, beside the lab's."""


def refusals(
    plain: Mapping[str, Any], labs: Sequence[str], granted: Sequence[str]
) -> Iterator[tuple[str, str, str | None]]:
    """What a config from elsewhere names and may not: the key, why, and what to write where one trusts its author.

    Args:
        plain: the config, well-formed or not.
        labs: packages of the person's own labs.
        granted: modules that the command line trusts with anything.
    """
    for item in named(plain):
        if not is_allowed(item, labs, granted):
            yield item.key, _why(item), _fix(item)
    yield from _ids(plain, labs, granted)
    yield from _attributes(plain)


def is_allowed(item: Named, labs: Sequence[str], granted: Sequence[str]) -> bool:
    """True if a config from elsewhere may name this here."""
    if item.place is ENVIRONMENT and ":" in item.path and not is_import_path(item.path):
        return within(item.path.partition(":")[0], (*REGISTERED_BY, *labs, *granted))
    if item.place is BUFFER and item.path in SHORT_NAMES:
        return True
    path = item.path.replace(":", ".")
    module = path.rpartition(".")[0]
    if is_trusted(module, granted):
        return True
    if item.place is NOTHING or any(
        part.startswith("_") or not part.isidentifier() for part in path.split(".")
    ):
        return False
    if path in item.place.exactly:
        return True
    allowed = (*item.place.modules, *labs)
    try:
        return is_trusted(module, allowed) and _is_kind(path, item.place, allowed)
    except (SyntaxError, ValueError, OSError, ImportError):  # Its source cannot be read.
        return False


def _is_kind(path: str, place: Place, allowed: Sequence[str]) -> bool:
    """True if the class is of the place's kind and defined in an allowed module, not merely imported there.

    By its source, else by importing it, from an allowed module.
    """
    if not place.bases and not place.methods:
        return False
    home = defining_module(path)
    written = source_tree(path.rpartition(".")[0]) is not None
    if not within(home, allowed) if home else written:
        return False
    if home and place.bases and (derives := derives_from(path, place.bases)) is not None:
        return derives
    try:
        found = locate(path, allowed)
    except ConfigError:
        return False
    if not isinstance(found, type):
        return False
    if place.methods:
        return all(callable(getattr(found, name, None)) for name in place.methods)
    return any(f"{base.__module__}.{base.__qualname__}" in place.bases for base in found.__mro__)


def _ids(
    plain: Mapping[str, Any], labs: Sequence[str], granted: Sequence[str]
) -> Iterator[tuple[str, str, str | None]]:
    """A bare id of an environment that somebody registered: some make what their arguments name, of any module."""
    env = plain.get("env")
    env_id = env.get("id") if isinstance(env, Mapping) else None
    if not isinstance(env_id, str) or ":" in env_id or is_import_path(env_id):
        return
    import gymnasium

    spec = gymnasium.registry.get(env_id)
    entry = spec.entry_point if spec is not None else None
    home = entry.partition(":")[0] if isinstance(entry, str) else getattr(entry, "__module__", "")
    if entry is not None and not within(str(home), (*REGISTERED_BY, "__main__", *labs, *granted)):
        top = str(home).partition(".")[0]
        yield "env.id", f"{env_id} is refused: it is made by {home}", f"'trusted=+{top}'"
    if env_id.startswith("GymV2"):  # Gymnasium's own, whose argument is the id of any other.
        yield "env.id", f"{env_id} is refused: it makes what its arguments name", None


def _attributes(plain: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Tasks that are set as attributes of an environment may set none that begins with an underscore."""
    curriculum = plain.get("curriculum")
    tasks = curriculum.get("tasks") if isinstance(curriculum, Mapping) else None
    for name in tasks if isinstance(tasks, Mapping) else ():
        if str(name).startswith("_"):
            yield f"curriculum.tasks.{name}", f"the task's parameter {name} is refused", None


def _why(item: Named) -> str:
    if item.place is NOTHING:
        return f"{item.path} is refused: nothing is named by import path here"
    if not item.place.bases and not item.place.methods:
        return f"{item.path} is refused: it is no function that rlexp brings as {item.place.what}"
    return f"{item.path} is refused: it is not known to be {item.place.what}"


def _fix(item: Named) -> str | None:
    """How to trust it; of what rlexp and RLlib bring, nothing else is good here."""
    module = item.path.partition(":")[0] if ":" in item.path else item.path.rpartition(".")[0]
    top = module.partition(".")[0]
    if not top.isidentifier() or top in NEVER_TRUSTED or within(module, DEFAULT_TRUSTED):
        return None
    return f"'trusted=+{module}'"
