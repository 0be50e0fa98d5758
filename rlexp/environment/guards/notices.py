"""What an environment does that is odd but harmless: logged once, counted, and otherwise ignored.

A guard notes it and hands it on in its infos, which reach the main process from wherever the environment runs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rlexp.base.headline_metrics import NOTICE_COUNT
from rlexp.environment.info_keys import NOTICES

TEXTS = "__env_notices"
"""Entry of the runners' results: the texts; `NOTICE_COUNT` is how many irregularities were seen."""


class Noticed(NamedTuple):
    """What a guard has seen since its last info that held one.

    Attributes:
        number: of irregularities.
        texts: a line for each kind that is new.
    """

    number: int
    texts: tuple[str, ...]


class Notices:
    """Collects what one guard notes.

    Attributes:
        new: lines that no info has held yet.
        seen: every line so far.
    """

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._count = 0
        self.new: list[str] = []
        self.seen: list[str] = []

    def add(self, kind: str, text: str) -> None:
        """Counts an irregularity; `text` says it where its kind is new."""
        self._count += 1
        if kind not in self._kinds:
            self._kinds.add(kind)
            self.new.append(text)
            self.seen.append(text)

    def add_to(self, info: dict[str, Any]) -> dict[str, Any]:
        """`info`, with what has come since the last call."""
        if not self._count:
            return info
        noticed = Noticed(self._count, tuple(self.new))
        self._count, self.new = 0, []
        return {**info, NOTICES: noticed}


def noticed_in(infos: Any) -> list[Noticed]:
    """What a vector environment's infos, or one environment's info, hold."""
    value = infos.get(NOTICES) if isinstance(infos, dict) else None
    if value is None:
        return []
    return [value] if isinstance(value, Noticed) else [each for each in value if isinstance(each, Noticed)]


def log(metrics_logger: Any, noticed: list[Noticed]) -> None:
    """Puts it among a runner's metrics."""
    for each in noticed:
        metrics_logger.log_value(NOTICE_COUNT, each.number, reduce="sum")
        for text in each.texts:
            metrics_logger.log_value(TEXTS, text, reduce="item_series", window=16)


def texts_of(runners: Any) -> list[str]:
    """The lines in a runners' results."""
    texts = (runners or {}).get(TEXTS)
    return [str(text) for text in texts] if isinstance(texts, (list, tuple)) else []
