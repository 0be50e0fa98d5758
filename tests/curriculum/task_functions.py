"""Task functions as a lab writes them."""

from __future__ import annotations

from typing import Any


def always_two(train_result: Any, env: Any, env_context: Any) -> dict[str, int]:
    return {"rooms": 2, "max_room": 4}


LAKES = [
    ["SGFF", "FFFF", "FFFF", "FFFF"],
    ["SFGF", "FHFH", "FFFH", "HFFF"],
    ["SFFF", "FHFH", "FFFH", "HFFG"],
]
"""Frozen lakes whose goal is one, two and six moves away."""


def up_or_back_to_the_first(train_result: Any, env: Any, env_context: Any) -> dict[str, list[str]]:
    """The rule of RLlib's old example: one lake further when the mean return is high, to the first when it is 0."""
    at = LAKES.index(env.get_task()["desc"])
    mean = train_result["env_runners"]["episode_return_mean"]
    if mean > 0.2:
        at = min(at + 1, len(LAKES) - 1)
    elif mean == 0.0:
        at = 0
    return {"desc": LAKES[at]}
