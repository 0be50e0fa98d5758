"""The shipped environment choices, as their YAMLs say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from harness import choices

from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.schema import EnvChoice

CONF = Path(__file__).parents[2] / "conf" / "env"
TRUSTED = DEFAULT_TRUSTED


NAMES = choices("env")
"""Those whose extras are installed."""


def shipped(name: str, **changes: Any) -> EnvChoice:
    """A choice with some fields changed; `gym`, which has no id of its own, gets one."""
    values = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    if values["id"] == "???":
        values["id"] = "Acrobot-v1"
    return EnvChoice(**{**values, **changes})
