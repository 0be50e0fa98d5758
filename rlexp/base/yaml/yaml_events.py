"""A YAML text as a stream of events, made into plain values; see `rlexp.base.yaml.reader`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from rlexp.base.errors import ConfigError

MAX_VALUES = 20_000
"""Values in one file, keys included, aliases counted as what they stand for: Hydra needs about a second for them."""
MAX_DEPTH = 50
MAX_INTERPOLATIONS = 1_000
MAX_INTERPOLATED_LENGTH = 2_000
"""Characters of a text with `${...}` in it: OmegaConf's grammar takes milliseconds for each hundred."""
MAX_DIGITS = 400

Interpolations = Literal["all", "keys", "unread"]
"""What may stand in `${...}`: anything, other keys only (no resolver), or texts that nobody resolves."""

_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + name for name in ("str", "int", "float", "bool", "null")}
_MERGE = _TAG + "merge"


@dataclass(frozen=True)
class _Anchored:
    """What an anchor names, how many values it has, and how deep it is."""

    value: Any
    values: int
    depth: int


class Reading:
    """One pass over the events of a text."""

    def __init__(
        self, text: str, origin: str, interpolations: Interpolations, loader: type[yaml.SafeLoader]
    ) -> None:
        self._text, self._origin, self._interpolations = text, origin, interpolations
        self._scalars = loader("")
        self._events: Iterator[Any] = iter(())
        self._anchors: dict[str, _Anchored | None] = {}
        self._path: list[str] = []
        self._values = self._interpolated = self._deepest = 0

    def document(self) -> Any:
        """The text's one document.

        Raises:
            ConfigError: it is no YAML, or not what a config may be.
        """
        if (odd := yaml.reader.Reader.NON_PRINTABLE.search(self._text)) is not None:
            line = self._text.count("\n", 0, odd.start()) + 1
            raise self._error(line, f"the character {odd.group()!r} cannot stand in YAML")
        # libyaml reads ten times as fast, and as a stream it knows no recursion.
        self._events = iter(yaml.parse(self._text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        try:
            return self._document()
        except yaml.MarkedYAMLError as error:
            raise self._unreadable(error) from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{self._origin} is no YAML: {str(error).splitlines()[0]}") from error

    def _document(self) -> Any:
        found, seen = None, False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    fix = "one file for each, without the line ---"
                    raise self._error(event, "a second document begins; a config is one", fix)
                found, seen = self._value(next(self._events), 1), True
        return found

    def _value(self, event: Any, depth: int) -> Any:
        self._count(event, 1, depth)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        anchor, before = event.anchor, self._values - 1
        if anchor:
            self._anchors[anchor] = None  # Being read: an alias to it would contain itself.
        deepest, self._deepest = self._deepest, depth
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(event, depth)
        else:
            value = self._mapping(event, depth)
        if anchor:
            self._anchors[anchor] = _Anchored(value, self._values - before, self._deepest - depth)
        self._deepest = max(deepest, self._deepest)
        return value

    def _count(self, event: Any, values: int, depth: int) -> None:
        self._values += values
        self._deepest = max(self._deepest, depth)
        if self._values > MAX_VALUES:
            raise self._error(event, f"more than {MAX_VALUES:,} values, too many for a config")
        if depth > MAX_DEPTH:
            raise self._error(event, f"nested more than {MAX_DEPTH} deep")

    def _alias(self, event: Any, depth: int) -> Any:
        if event.anchor not in self._anchors:
            raise self._error(event, f"*{event.anchor}: there is no anchor &{event.anchor} before it")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise self._error(event, f"*{event.anchor} stands inside &{event.anchor}, which it names")
        self._count(event, anchored.values, depth + anchored.depth)
        return copy.deepcopy(anchored.value)

    def _list(self, start: Any, depth: int) -> list[Any]:
        self._know_tag(start, "seq")
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._path.append(f"[{len(found)}]")
            found.append(self._value(event, depth + 1))
            self._path.pop()
        return found

    def _mapping(self, start: Any, depth: int) -> dict[Any, Any]:
        self._know_tag(start, "map")
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, depth)
            self._path.append(f".{key}")
            inner = next(self._events)
            value = self._value(inner, depth + 1)
            self._path.pop()
            if key is _MERGE:
                for part in reversed(self._to_merge(inner, value)):
                    merged |= part
            elif key in own:
                raise self._error(event, f"the key {key} stands here a second time", "remove one of them")
            else:
                own[key] = value
        return {**merged, **own} if merged else own

    def _key(self, event: Any, depth: int) -> Any:
        self._count(event, 1, depth)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(event, "a key must be text", "key: value")
        if self._tag(event) == _MERGE:
            return _MERGE
        key = self._scalar(event)
        if isinstance(key, (str, int)) and not isinstance(key, bool):
            return key
        was = "null" if key is None else str(key).lower()
        raise self._error(
            event, f"the key {event.value!r} is read as {was}; a key must be text", f'"{event.value}": ...'
        )

    def _to_merge(self, event: Any, value: Any) -> list[dict[Any, Any]]:
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._error(event, "<<: takes the keys of a mapping, and this is none", "<<: *anchor")
        return parts

    def _tag(self, event: Any) -> str:
        """The type of a scalar: as tagged, or as its text looks."""
        if event.tag is not None and event.tag != "!":
            return str(event.tag)
        if event.tag == "!" or not event.implicit[0]:
            return _TAG + "str"
        return str(self._scalars.resolve(yaml.ScalarNode, event.value, (True, False)))

    def _scalar(self, event: Any) -> Any:
        tag = self._tag(event)
        if tag == _TAG + "value":  # A lone `=`.
            tag = _TAG + "str"
        if tag not in _SCALARS:
            raise self._unknown_tag(event, tag)
        if tag == _TAG + "str":
            self._check_text(event)
            return event.value
        if len(event.value) > MAX_DIGITS + 1:
            raise self._error(
                event, f"a number of {len(event.value):,} digits", "put text into quotation marks"
            )
        try:
            return self._scalars.construct_object(yaml.ScalarNode(tag, event.value))
        except (ValueError, KeyError, IndexError, yaml.YAMLError) as error:
            kind = tag.removeprefix(_TAG)
            raise self._error(event, f"{event.value!r} cannot be read as {kind}") from error

    def _know_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            raise self._unknown_tag(event, str(event.tag))

    def _unknown_tag(self, event: Any, tag: str) -> ConfigError:
        shown = tag.replace(_TAG, "!!")
        return self._error(event, f"the tag {shown} is not taken: values are plain YAML", "leave the tag out")

    def _check_text(self, event: Any) -> None:
        """An interpolation is short, and one that may stand here."""
        if "${" not in event.value or self._interpolations == "unread":
            return
        where = "".join(self._path).lstrip(".") or "the text"
        self._interpolated += 1
        if self._interpolated > MAX_INTERPOLATIONS:
            raise self._error(event, f"more than {MAX_INTERPOLATIONS:,} texts with ${{...}}")
        if len(event.value) > MAX_INTERPOLATED_LENGTH:
            raise self._error(
                event, f"{where}: more than {MAX_INTERPOLATED_LENGTH:,} characters with ${{...}}"
            )
        calls = _calls_resolver(event.value)
        if calls is None:
            raise self._error(
                event, f"{where} is {event.value!r:.200}, which OmegaConf cannot read", "${key}"
            )
        if self._interpolations == "keys" and calls:
            raise self._error(
                event,
                f"{where} is {event.value!r:.200}: in a file from elsewhere ${{...}} may name keys, and call nothing",
                "the value itself; or export RLEXP_SEARCH_PATH=<folder>, not --config-dir, if the files are yours",
            )

    def _unreadable(self, error: yaml.MarkedYAMLError) -> ConfigError:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        lines = self._text.splitlines()
        if line <= len(lines) and lines[line - 1].startswith("\t"):
            return self._error(
                line, "a tab begins the line; YAML is indented by spaces", "spaces in its place"
            )
        context = error.context
        if context and error.context_mark and error.context_mark.line + 1 != line:
            context += f" that begins in line {error.context_mark.line + 1}"
        return self._error(line, ", ".join(filter(None, (context, error.problem))) or "this is no YAML")

    def _error(self, where: Any, problem: str, fix: str | None = None) -> ConfigError:
        line = where if isinstance(where, int) else where.start_mark.line + 1
        return ConfigError(f"{self._origin}, line {line}: {problem}", fix=fix)


def _calls_resolver(text: str) -> bool | None:
    """Whether a text calls something in `${...}`, as `${oc.env:HOME}` does; None where it cannot be read."""
    from omegaconf.errors import OmegaConfBaseException
    from omegaconf.grammar_parser import OmegaConfGrammarParser, parse

    def calls(node: Any) -> bool:
        if isinstance(node, OmegaConfGrammarParser.InterpolationResolverContext):
            return True
        return any(calls(child) for child in getattr(node, "children", None) or ())

    try:
        return calls(parse(text))
    except (OmegaConfBaseException, RecursionError, IndexError):
        return None
