"""After how many env steps an episode is truncated."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gymnasium

AUTO = "auto"
EVALUATION_STEPS = 10_000
"""What `evaluation.max_episode_steps=auto` means for an environment without a time limit of its own."""


def bounded_steps(bound: str | int | None, *, limited: bool) -> int | None:
    """Env steps after which an episode of evaluation is truncated; None for never.

    Args:
        bound: `evaluation.max_episode_steps`, None outside of evaluation.
        limited: whether the environment has a time limit of its own.
    """
    if bound == AUTO:
        return None if limited else EVALUATION_STEPS
    return None if bound is None else int(bound)


def has_limit(env: gymnasium.Env) -> bool:
    """True if Gymnasium ends its episodes after some steps."""
    import gymnasium
    from gymnasium.wrappers import TimeLimit

    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, TimeLimit):
            return True
        env = env.env
    spec = getattr(env, "spec", None)
    return getattr(spec, "max_episode_steps", None) is not None
