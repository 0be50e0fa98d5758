"""Trainables for Tune's own ways to stop and go on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rlexp.run.trainable import RunTrainable


class Dying(RunTrainable):
    """Its process dies at the beginning of iteration `dies_at`, once: the file `marker` is there then."""

    def setup(self, config: dict[str, Any]) -> None:
        self._dies_at, self._marker = config.get("dies_at"), Path(config.get("marker", "."))
        super().setup(config)

    def step(self) -> dict[str, Any]:
        if self.iteration + 1 == self._dies_at and not self._marker.exists():
            self._marker.touch()
            os._exit(1)
        return super().step()
