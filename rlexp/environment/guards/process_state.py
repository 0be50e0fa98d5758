"""Settings of the process that environments change for themselves, put back: torch's default type, numpy's way
with overflow, warnings turned into errors."""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any


class ProcessState:
    """Those settings as they are now; `restore` puts them back, at half a microsecond where none has changed."""

    def __init__(self) -> None:
        torch: Any = sys.modules.get("torch")
        numpy: Any = importlib.import_module("numpy")
        self._torch, self._numpy = torch, numpy
        self._dtype = torch.get_default_dtype() if torch is not None else None
        self._float_errors = numpy.geterr()
        self._filters = list(warnings.filters)
        self._first = warnings.filters[0] if warnings.filters else None
        self._context = copy_context() if _in_context(numpy) else None

    def restore(self) -> None:
        """Puts back what has changed since; of the warnings' filters, those that raise."""
        if self._torch is not None and self._torch.get_default_dtype() is not self._dtype:
            self._torch.set_default_dtype(self._dtype)
        # An unchanged context is recognised ten times as fast as `geterr` answers.
        if self._context is None or copy_context() != self._context:
            self._restore_float_errors()
        if warnings.filters and warnings.filters[0] is not self._first and warnings.filters[0][0] == "error":
            warnings.filters[:] = self._filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]

    def _restore_float_errors(self) -> None:
        if self._numpy.geterr() != self._float_errors:
            self._numpy.seterr(**self._float_errors)
        if self._context is not None:
            self._context = copy_context()  # Perhaps another thread's, or another variable was set.


def _in_context(numpy: Any) -> bool:
    """True where numpy keeps its settings in the context (from numpy 2 on), and not in a place of its own."""
    before = copy_context()
    with numpy.errstate(over="ignore"):
        return bool(copy_context() != before)


@contextlib.contextmanager
def process_kept() -> Iterator[None]:
    """What runs inside leaves these settings as they were."""
    state = ProcessState()
    try:
        yield
    finally:
        state.restore()
