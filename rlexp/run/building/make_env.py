"""The environment of a run, for a loaded policy to act in."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice, RunConfig

if TYPE_CHECKING:
    import gymnasium


def make_env(
    run: RunConfig | Path | str, overrides: Sequence[str] = (), *, render_mode: str | None = None
) -> gymnasium.Env:
    """The environment that a run trains in, with its wrappers and its time limit.

    >>> env = rlexp.make_env("runs/cartpole")
    >>> observation, info = env.reset(seed=0)

    Args:
        run: a composed config, a run's folder, or a checkpoint in it.
        overrides: settings to change in what the folder says, e.g. `["env.max_episode_steps=50"]`; those of a
            composed config go into `compose`.
        render_mode: as for `gymnasium.make`, e.g. `"rgb_array"` or `"human"`.

    Raises:
        ConfigError: there is no run, it cannot be made here, or its config calls functions of modules that
            are not trusted here.
    """
    from rlexp.config.labs.search_path import extend_sys_path, lab_of
    from rlexp.environment import make
    from rlexp.storage.buckets.fetch import fetched

    if isinstance(run, RunConfig) and overrides:
        raise ConfigError("make_env: a composed config takes no overrides", fix="rlexp.compose(overrides)")
    if isinstance(run, RunConfig):
        extend_sys_path()
        return make.make_env(_rendered(run.env, render_mode), run.trusted)
    folder = fetched(run)
    with lab_of(folder):
        config = _of_folder(folder, overrides)
        return make.make_env(_rendered(config.env, render_mode), config.trusted)


def _of_folder(path: Path, overrides: Sequence[str]) -> RunConfig:
    from rlexp.config import saved_config
    from rlexp.run.checks import check

    before, after = saved_config.opened(saved_config.find_config(path), overrides)
    return check(saved_config.composed(after, {}, before))


def _rendered(choice: EnvChoice, render_mode: str | None) -> EnvChoice:
    if render_mode is None:
        return choice
    return dataclasses.replace(choice, config={**choice.config, "render_mode": render_mode})
