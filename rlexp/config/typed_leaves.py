"""One pass over a plain config: each leaf gets its type, and is judged by its row of the table of keys.

Nothing is dropped: each key is a field of the schema or a keyword of an RLlib builder, or it is refused. Problems are
gathered and raised together, so that the first does not hide the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field
from typing import Any

from rlexp.base.dotted import at
from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.algorithms import class_name
from rlexp.config.algorithms.builder_signatures import BASE, algorithm_name
from rlexp.config.callables.annotations import describe, fitted, matches, parts
from rlexp.config.callables.targets import is_trusted, trusted_in, untrusted
from rlexp.config.classic import answer
from rlexp.config.keys import unknown
from rlexp.config.keys.accepted_keywords import accepted, annotation_of
from rlexp.config.keys.advice import is_target, not_given, shown, under, written
from rlexp.config.keys.key_row import MANDATORY
from rlexp.config.keys.key_table import known_of
from rlexp.config.keys.replay_settings import KEY as BUFFER
from rlexp.config.keys.replay_settings import buffer_problems
from rlexp.config.known_keys import SETTINGS, annotated_keys, has_settings, nested_class, yaml_fields
from rlexp.config.schema import AlgorithmChoice, RunConfig
from rlexp.config.trust.replay_buffers import wrong_types

_KEY = re.compile(r"[a-z_]+(\.[A-Za-z_]+)+")
_CONTAINERS = (Mapping, list, tuple)


class Reader:
    """Reads one plain config."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self._plain = plain
        self._problems: list[ConfigError] = []
        self._trusted = trusted_in(plain.get("trusted"))
        self._config_class = self._find_config_class(self._value_at("algorithm.config_class"))

    def run_config(self) -> RunConfig:
        """The typed config.

        Raises:
            ConfigErrors: all that is wrong with it.
        """
        config = self._group(RunConfig, self._plain, "")
        if self._problems:
            raise ConfigErrors(self._problems)
        assert isinstance(config, RunConfig)
        return config

    def _value_at(self, key: str) -> Any:
        """The plain value at a dotted key; None where there is none."""
        return at(self._plain, key)

    def _find_config_class(self, path: Any) -> str | None:
        """The algorithm's config class, or None (with the problem noted) when it cannot be used."""
        if not isinstance(path, str) or path == MANDATORY:
            return None  # Refused as a missing or ill-typed value.
        try:
            accepted(AlgorithmChoice, path, self._trusted)
            module = path.replace(":", ".").rpartition(".")[0]
            if not is_trusted(module, self._trusted):
                raise untrusted(path, module)
        except ConfigError as error:
            self._problems.append(under("algorithm.config_class", error))
            return None
        return path

    def _group(self, cls: type, plain: Any, prefix: str) -> Any:
        """The dataclass made of a mapping, or None when a problem stands in the way."""
        if not isinstance(plain, Mapping):
            message = f"{prefix[:-1]} must be a mapping of keys, not {shown(plain)}"
            self._add(message, prefix[:-1], fix=self._opening(cls, prefix))
            return None
        fields, values = yaml_fields(cls), {}
        before = len(self._problems)
        for name, field in fields.items():
            if name in plain:
                values[field.name] = self._field(cls, field, plain[name], prefix + name)
            elif field.default is MISSING and field.default_factory is MISSING:
                self._missing(cls, field, prefix + name)
            elif (
                automatic := known_of(prefix + name).automatic
            ) is not None and field.default is not MISSING:
                values[field.name] = automatic(field.default, self._value_at)
        others = {name: value for name, value in plain.items() if name not in fields}
        if has_settings(cls):
            values[SETTINGS] = self._settings(cls, others, prefix)
        else:
            for name, value in others.items():
                self._unknown(prefix + str(name), value)
        return cls(**values) if len(self._problems) == before else None

    def _opening(self, cls: type, prefix: str) -> str:
        """How a group's first key is written."""
        names = [*yaml_fields(cls), *accepted(cls, self._config_class, self._trusted).keywords, "<key>"]
        first = f"{prefix}{names[0]}"
        return known_of(prefix[:-1]).written or known_of(first).written or f"{first}=<value>"

    def _missing(self, cls: type, field: Field[Any], key: str) -> None:
        if nested_class(cls, field.name) is not None or "." not in key:
            message = f"{key} is missing: no choice of that group was made"
            self._add(message, key, fix=f"{key}=<choice>; see rlexp list {key}")
        else:
            fix = written(key, str(field.type), MANDATORY)
            self._add(f"{key} is missing and has no default", key, fix=fix)

    def _field(self, cls: type, field: Field[Any], value: Any, key: str) -> Any:
        """A value of one of the project's own fields."""
        annotation = str(field.type)
        inner = nested_class(cls, field.name)
        if inner is not None and value != MANDATORY and not (value is None and matches(annotation, None)):
            return self._group(inner, value, f"{key}.")
        return self._value(key, annotation, value)

    def _settings(self, cls: type, others: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
        """RLlib's own keywords of a group, checked against the signatures of its builders."""
        if cls is AlgorithmChoice and self._config_class is None:
            return {}  # Without the class nobody knows its keywords, and the class is refused already.
        allowed = accepted(cls, self._config_class, self._trusted)
        settings = {}
        for name, value in others.items():
            key = f"{prefix}{name}"
            if name in allowed.refused:
                self._refused(key, value, *allowed.refused[name])
            elif name not in allowed.keywords:
                self._unknown(key, value)
            else:
                annotation = annotation_of(key, allowed.keywords[name]) or "Any"
                settings[name] = self._value(key, annotation, value)
                if isinstance(value, _CONTAINERS):
                    self._buffers(key, value)
        return settings

    def _value(self, key: str, annotation: str, value: Any) -> Any:
        """The value of a key in its type, judged; None with the problem noted where it cannot be."""
        row = known_of(key)
        if row.automatic is not None:
            value = row.automatic(value, self._value_at)
        if value == MANDATORY:
            self._problems.append(not_given(key))
            return None
        fits, typed = fitted(annotation, value)
        if not fits:
            return self._misfit(key, annotation, value)
        problem = row.problem(typed) or (row.rule(key, typed, self._value_at) if row.rule else None)
        if problem is not None:
            self._problems.append(problem)
        elif isinstance(value, _CONTAINERS):
            self._members(key, value, own_code=row.own_code)
        return typed

    def _misfit(self, key: str, annotation: str, value: Any) -> Any:
        """Notes what is of the wrong type: the members of a mapping that are, or the value itself."""
        inner = parts(annotation.removesuffix(" | None"))
        if isinstance(value, Mapping) and len(inner) == 2:
            return {name: self._value(f"{key}.{name}", inner[1], member) for name, member in value.items()}
        message = f"{key} must be {describe(annotation)}, not {shown(value)}"
        self._add(message, key, fix=written(key, annotation, value))
        return None

    def _members(self, key: str, value: Any, *, own_code: bool) -> None:
        """Judges what a mapping or list holds, at any depth; what a lab's own code reads, only for what is missing."""
        members: Iterable[tuple[str, Any]]
        if isinstance(value, Mapping):
            members = ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            members = ((f"{key}[{index}]", inner) for index, inner in enumerate(value))
        for name, member in members:
            row = known_of(name)
            if isinstance(member, str) and member == MANDATORY:
                problem: ConfigError | None = not_given(name)
            else:
                problem = None if own_code else row.problem(member)
            if problem is not None:
                self._problems.append(problem)
            elif isinstance(member, _CONTAINERS):
                self._members(name, member, own_code=own_code or row.own_code)

    def _buffers(self, key: str, value: Any) -> None:
        """The classes that a setting names as its `type`, and the other keys of a replay buffer."""
        wrong = list(wrong_types(value, key, self._trusted))
        if key == BUFFER and not wrong:
            wrong = buffer_problems(value, class_name(self._config_class or BASE, self._trusted))
        self._problems += wrong

    def _refused(self, key: str, value: Any, reason: str, instead: str) -> None:
        """A keyword that RLlib takes and does nothing with."""
        mine = algorithm_name(self._config_class or "")
        text = f"{key} {reason}" if reason.startswith(("is ", "belongs ", "must ")) else f"{key}: {reason}"
        fix = instead
        if _KEY.fullmatch(instead):
            known = annotated_keys(self._config_class or BASE, self._trusted)
            fix = unknown.assignment(instead, value, known.get(instead))
        elif (known_answer := answer(key, value)) is not None:
            fix = known_answer.fix
        self._add(f"{text} ({mine})" if mine else text, key, fix=fix)

    def _unknown(self, key: str, value: Any) -> None:
        """A key that nothing knows; of a mapping the keys inside, which is what the person wrote."""
        inside = isinstance(value, Mapping) and value and not is_target(value)
        if inside and not unknown.is_answered(key.rpartition(".")[2]):
            for name, inner in value.items():
                self._unknown(f"{key}.{name}", inner)
            return
        known = annotated_keys(self._config_class or BASE, self._trusted)
        self._problems.append(unknown.unknown_key(key, value, known, self._config_class))

    def _add(self, message: str, key: str, fix: str | None = None) -> None:
        self._problems.append(ConfigError(message, key=key, fix=fix))
