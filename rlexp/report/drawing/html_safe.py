"""Data and scripts inside a page: whatever text runs carry, it stays text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""What XML, UTF-8 or Vega's expressions have no place for: control signs, separators, halves of surrogate pairs."""
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}


def plain(value: Any) -> Any:
    """The same data with nothing in it that JSON, XML or UTF-8 cannot say: numbers that are none become None."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {text(str(key)): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def text(value: str) -> str:
    """The text, with a sign of replacement for what cannot be written."""
    return _UNFIT.sub("\ufffd", value)


def data(value: Any) -> str:
    """JSON for a `script` element, without a sign that means anything to HTML: `<!--<script>` swallows the rest."""
    return json.dumps(plain(value), allow_nan=False).translate(_ESCAPES)


def script(source: str) -> str:
    """JavaScript for a `script` element: what HTML would read in its strings is spelt so that it does not."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", source, flags=re.IGNORECASE)
