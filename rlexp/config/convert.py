"""Between the composed plain config and the typed `RunConfig`: strict one way, flat the other.

Nothing of the plain config is dropped: each key is a field of the schema or a keyword of an RLlib builder, or
it is refused. All problems are collected and told at once.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from functools import lru_cache
from typing import Any

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.base.yaml.plain_values import not_numbers, refuse_unusable
from rlexp.config.algorithms import class_name
from rlexp.config.callables.annotations import describe, matches, parts
from rlexp.config.callables.targets import DEFAULT_TRUSTED, is_trusted, untrusted
from rlexp.config.classic import answer
from rlexp.config.environment_secrets import values_of, with_kept
from rlexp.config.keys import ranges, unknown
from rlexp.config.keys.accepted import accepted
from rlexp.config.keys.advice import is_target, not_given, shown, under, written
from rlexp.config.keys.builder_signatures import BASE, algorithm_name, annotation_of
from rlexp.config.keys.examples import example_of
from rlexp.config.keys.replay_settings import buffer_keys, buffer_problems
from rlexp.config.keys.rules import contradictions
from rlexp.config.schema import AlgorithmChoice, RunConfig
from rlexp.config.trust.replay_buffers import wrong_types

MANDATORY = "???"
"""OmegaConf's mark of a value that the person must give."""

SETTINGS = "settings"
"""The field of a group that gathers RLlib's own keywords; in YAML they stand beside its other keys."""

BUFFER = "replay_buffer_config"
_NOT_IN_YAML = {SETTINGS, "choices", "kept"}
_KEY = re.compile(r"[a-z_]+(\.[A-Za-z_]+)+")


def to_run_config(plain: Mapping[str, Any], choices: Mapping[str, str | list[str]]) -> RunConfig:
    """Check a composed, resolved config and give it its types.

    Args:
        plain: the config as nested plain values, as YAML spells it.
        choices: which choice each config group got.

    Raises:
        ConfigErrors: every unknown key, wrong type, missing value and value out of range, with what to write.
    """
    refuse_unusable(plain)
    reader = _Reader(plain)
    config = reader.dataclass(RunConfig, plain, "")
    problems = [*reader.problems, *ranges.problems(plain), *contradictions(plain)]
    told = {problem.key for problem in problems}
    problems += [problem for problem in not_numbers(plain) if problem.key not in told]
    if problems:
        raise ConfigErrors(problems)
    assert isinstance(config, RunConfig)
    config.choices = dict(choices)
    return config


def to_plain(config: RunConfig) -> dict[str, Any]:
    """The config as YAML spells it: RLlib's settings beside the group's own keys, `choices` left out.

    Secrets of the environment are what they are made of, `${oc.env:NAME}`.
    """
    flat = _flat(config)
    assert isinstance(flat, dict)
    return with_kept(flat, config.kept)


def secret_values(config: RunConfig) -> set[str]:
    """What the config's secrets of the environment are, and the variables that they are made of."""
    flat = _flat(config)
    assert isinstance(flat, dict)
    return values_of(flat, config.kept)


def valid_keys(config_class: str, trusted: tuple[str, ...] = DEFAULT_TRUSTED) -> list[str]:
    """All dotted keys a config may have when the algorithm is of this class (an import path).

    Raises:
        ConfigError: there is no such config class, or it is not trusted.
    """
    return list(annotated_keys(config_class, trusted))


def annotated_keys(config_class: str, trusted: tuple[str, ...] = DEFAULT_TRUSTED) -> dict[str, str | None]:
    """As `valid_keys`, each with its type as text, where it has one."""
    return dict(_dotted(RunConfig, "", config_class, trusted))


def yaml_name(field: str) -> str:
    """A field's name in YAML; `from` is no name in Python."""
    return "from" if field == "from_" else field


def _flat(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.name not in _NOT_IN_YAML]
        own = {yaml_name(name): _flat(getattr(value, name)) for name in names}
        return {**own, **_flat(getattr(value, SETTINGS, {}))}
    if isinstance(value, Mapping):
        return {name: _flat(inner) for name, inner in value.items()}
    return [_flat(inner) for inner in value] if isinstance(value, (list, tuple)) else value


@lru_cache(maxsize=64)
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _nested(cls: type, field: str) -> type | None:
    """The dataclass that a field holds, also where it may be None."""
    hint = _hints(cls)[field]
    for candidate in (hint, *typing.get_args(hint)):
        if isinstance(candidate, type) and is_dataclass(candidate):
            return candidate
    return None


def _fields(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """The fields a person may write, by their names in YAML."""
    return {yaml_name(f.name): f for f in dataclasses.fields(cls) if f.name not in _NOT_IN_YAML}


def _dotted(
    cls: type, prefix: str, config_class: str, trusted: tuple[str, ...]
) -> typing.Iterator[tuple[str, str | None]]:
    for name, field in _fields(cls).items():
        yield prefix + name, str(field.type)
        inner = _nested(cls, field.name)
        if inner is not None:
            yield from _dotted(inner, f"{prefix}{name}.", config_class, trusted)
    if SETTINGS in _hints(cls):
        keywords = accepted(cls, config_class, trusted).keywords
        yield from ((prefix + name, annotation_of(keyword)) for name, keyword in keywords.items())
        if BUFFER in keywords:
            yield from ((name, None) for name in buffer_keys())


class _Reader:
    """One pass over a plain config; problems are gathered, so that the first does not hide the others."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self.problems = [not_given(key) for key in _mandatory(plain)]
        listed = plain.get("trusted")
        names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
        self._trusted = tuple(names) or DEFAULT_TRUSTED
        self._config_class = self._find_config_class(plain)

    def _find_config_class(self, plain: Mapping[str, Any]) -> str | None:
        """The algorithm's config class, or None (with the problem noted) when it cannot be used."""
        group = plain.get("algorithm")
        path = group.get("config_class") if isinstance(group, Mapping) else None
        if not isinstance(path, str) or path == MANDATORY:
            return None  # Told as a missing or ill-typed value.
        try:
            accepted(AlgorithmChoice, path, self._trusted)
            module = path.replace(":", ".").rpartition(".")[0]
            if not is_trusted(module, self._trusted):
                raise untrusted(path, module)
        except ConfigError as error:
            self.problems.append(under("algorithm.config_class", error))
            return None
        return path

    def dataclass(self, cls: type, plain: Any, prefix: str) -> Any:
        """The dataclass made of a mapping, or None when a problem stands in the way."""
        if not isinstance(plain, Mapping):
            self._add(
                f"{prefix[:-1]} must be a mapping of keys, not {shown(plain)}",
                prefix[:-1],
                fix=self._opening(cls, prefix),
            )
            return None
        fields, values = _fields(cls), {}
        before = len(self.problems)
        for name, field in fields.items():
            if name in plain:
                values[field.name] = self._field(cls, field, plain[name], prefix + name)
            elif field.default is MISSING and field.default_factory is MISSING:
                self._missing(cls, field, prefix + name)
        others = {name: value for name, value in plain.items() if name not in fields}
        if SETTINGS in _hints(cls):
            values[SETTINGS] = self._settings(cls, others, prefix)
        else:
            for name, value in others.items():
                self._unknown(prefix + str(name), value)
        return cls(**values) if len(self.problems) == before else None

    def _opening(self, cls: type, prefix: str) -> str:
        names = [*_fields(cls), *accepted(cls, self._config_class, self._trusted).keywords, "<key>"]
        first = f"{prefix}{names[0]}"
        return example_of(prefix[:-1]) or example_of(first) or f"{first}=<value>"

    def _missing(self, cls: type, field: dataclasses.Field[Any], key: str) -> None:
        if _nested(cls, field.name) is not None or "." not in key:
            self._add(
                f"{key} is missing: no choice of that group was made",
                key,
                fix=f"{key}=<choice>; see rlexp list {key}",
            )
        else:
            self._add(
                f"{key} is missing and has no default", key, fix=written(key, str(field.type), MANDATORY)
            )

    def _field(self, cls: type, field: dataclasses.Field[Any], value: Any, key: str) -> Any:
        """A value of one of the project's own fields."""
        annotation = str(field.type)
        inner = _nested(cls, field.name)
        if inner is not None and value != MANDATORY and not (value is None and matches(annotation, None)):
            return self.dataclass(inner, value, f"{key}.")
        return self._typed(annotation, value, key)

    def _typed(self, annotation: str, value: Any, key: str) -> Any:
        """The value, if it is of the annotated type; whole floats (`1e6`) count as integers."""
        if matches(annotation, value):
            return _copy(value)
        if isinstance(value, float) and value.is_integer() and matches(annotation, int(value)):
            return int(value)
        # Null has matched already, where it may be.
        inner = parts(annotation.removesuffix(" | None"))
        if isinstance(value, Mapping) and len(inner) == 2:
            return {name: self._typed(inner[1], member, f"{key}.{name}") for name, member in value.items()}
        if value != MANDATORY:
            message = f"{key} must be {describe(annotation)}, not {shown(value)}"
            self._add(message, key, fix=written(key, annotation, value))
        return None

    def _settings(self, cls: type, others: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
        """RLlib's own keywords of a group, checked against the signatures of its builders."""
        if cls is AlgorithmChoice and self._config_class is None:
            return {}  # Without the class nobody knows its keywords; the class is the problem told.
        allowed = accepted(cls, self._config_class, self._trusted)
        settings = {}
        for name, value in others.items():
            key = f"{prefix}{name}"
            if name in allowed.refused:
                self._refused(key, value, *allowed.refused[name])
            elif name not in allowed.keywords:
                self._unknown(key, value)
            else:
                annotation = annotation_of(allowed.keywords[name]) or "Any"
                settings[name] = self._typed(annotation, value, key)
                wrong = list(wrong_types(value, key, self._trusted))
                self.problems += wrong
                if name == BUFFER and not wrong:
                    self.problems += buffer_problems(
                        value, class_name(self._config_class or BASE, self._trusted)
                    )
        return settings

    def _refused(self, key: str, value: Any, reason: str, instead: str) -> None:
        """A keyword that RLlib takes and does nothing with."""
        mine = algorithm_name(self._config_class or "")
        told = f"{key} {reason}" if reason.startswith(("is ", "belongs ", "must ")) else f"{key}: {reason}"
        fix = instead
        if _KEY.fullmatch(instead):
            known = annotated_keys(self._config_class or BASE, self._trusted)
            fix = unknown.assignment(instead, value, known.get(instead))
        elif (known_answer := answer(key, value)) is not None:
            fix = known_answer.fix
        self._add(f"{told} ({mine})" if mine else told, key, fix=fix)

    def _unknown(self, key: str, value: Any) -> None:
        """A key that nothing knows; of a mapping the keys inside, which is what the person wrote."""
        inside = isinstance(value, Mapping) and value and not is_target(value)
        if inside and not unknown.is_answered(key.rpartition(".")[2]):
            for name, inner in value.items():
                self._unknown(f"{key}.{name}", inner)
            return
        known = annotated_keys(self._config_class or BASE, self._trusted)
        self.problems.append(unknown.unknown_key(key, value, known, self._config_class))

    def _add(self, message: str, key: str, fix: str | None = None) -> None:
        self.problems.append(ConfigError(message, key=key, fix=fix))


def _mandatory(node: Any, key: str = "") -> typing.Iterator[str]:
    """The keys, at any depth, whose value the person must give."""
    inner: typing.Iterable[tuple[Any, Any]] = ()
    if isinstance(node, Mapping):
        inner = ((f"{key}.{name}" if key else name, value) for name, value in node.items())
    elif isinstance(node, (list, tuple)):
        inner = ((f"{key}[{index}]", value) for index, value in enumerate(node))
    elif node == MANDATORY:
        yield key
    for name, value in inner:
        yield from _mandatory(value, str(name))


def _copy(value: Any) -> Any:
    """Plain containers afresh, so that the config shares none with what it was made of."""
    if isinstance(value, Mapping):
        return {name: _copy(inner) for name, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, (list, tuple)) else value
