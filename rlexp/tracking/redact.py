"""Secrets in a config, which must not reach a tracker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rlexp.config.secrets import REDACTED as HIDDEN
from rlexp.config.secrets import looks_secret, redact

_SECRET = re.compile(
    r"(api|access|secret|private|auth)[_-]?key|token|secret|passwo?r?d|credential", re.IGNORECASE
)


def redacted(config: Any) -> Any:
    """A copy of `config` in which texts under a key that names a secret (a token, a password) are hidden.

    In other texts what has the form of a secret is: a known token, a password in an address.
    """
    if isinstance(config, Mapping):
        return {key: _hide(str(key), value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [redacted(value) for value in config]
    return redact(config) if isinstance(config, str) else config


def _hide(key: str, value: Any) -> Any:
    if isinstance(value, str) and value and (_SECRET.search(key) or looks_secret(key)):
        return HIDDEN
    return redacted(value)
