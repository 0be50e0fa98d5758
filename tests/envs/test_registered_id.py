"""An id among an environment's arguments imports no module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import ConfigError


@pytest.mark.parametrize("maker", ["envs.minigrid:minigrid_env", "envs.atari:atari"])
@pytest.mark.parametrize("identifier", ["id_payload:Evil-v0", "GymV26Environment-v0"])
def test_an_id_with_a_module_before_it_is_refused(
    maker: str, identifier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = maker.partition(":")
    made: Callable[..., Any] = getattr(pytest.importorskip(module), name)
    (tmp_path / "id_payload.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError) as refusal:
        made(id=identifier)
    assert refusal.value.key == "env.config.id" and "id_payload" not in sys.modules
