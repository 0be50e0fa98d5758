"""Parts that each break the contract in one way, for `rlexp.testing` to name."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core.columns import Columns

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.engine.run_callback import RunCallback
from rlexp.environment.tasks.directive import Everywhere, Fixed
from rlexp.exploration.off import Off
from rlexp.models.separate import SeparateActorCritic


class Line(gym.Env):
    """A sound one: a point on a line."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at = float(self.np_random.uniform(-0.5, 0.5))
        return self.observe(), {}

    def step(self, action: Any) -> Any:
        self.at = float(np.clip(self.at + (0.1 if action else -0.1), -1, 1))
        return self.observe(), self.at, abs(self.at) >= 1, False, {}

    def observe(self) -> Any:
        return np.array([self.at], np.float32)


class Outside(Line):
    def observe(self) -> Any:
        return np.array([self.at + 5], np.float32)


class Unseeded(Line):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at = random.uniform(-0.5, 0.5)
        return self.observe(), {}


class Shared(Line):
    moved = [0.0]

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.moved[0] = 0.0
        return super().reset(seed=seed)

    def step(self, action: Any) -> Any:
        self.moved[0] += 0.01
        observation, reward, *rest = super().step(action)
        return observation, reward + self.moved[0], *rest


class Undefined(Line):
    def step(self, action: Any) -> Any:
        observation, _, *rest = super().step(action)
        return observation, float("nan"), *rest


class ClosedOnce(Line):
    def close(self) -> None:
        del self.at


class Raising(Line):
    def step(self, action: Any) -> Any:
        raise RuntimeError("the motor is off")


class Unstable(Uniform):
    def directive(self) -> Any:
        return Fixed({"difficulty": int(np.random.randint(1, 6))})  # noqa: NPY002


class BeyondTheSpace(Uniform):
    def directive(self) -> Any:
        return Fixed({"difficulty": 9})


class Forgetful(Uniform):
    """Its level rises with the outcomes, and its state lacks it."""

    level = 1

    def directive(self) -> Any:
        return Fixed({"difficulty": self.level})

    def update(self, outcomes: Any, progress: Any) -> bool:
        before, self.level = self.level, min(5, 1 + progress.iteration // 4) if outcomes else self.level
        return self.level != before

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Silent(Forgetful):
    def update(self, outcomes: Any, progress: Any) -> bool:
        super().update(outcomes, progress)
        return False


class Wordy(Uniform):
    def metrics(self) -> dict[str, Any]:
        return {"stage": "first", "curriculum/gap": 0.5}


class Needy(Uniform):
    needs_signals = ("value_l2",)


class Unpicklable(Uniform):
    def directive(self) -> Any:
        found = Everywhere(self._space) if hasattr(self, "_space") else Fixed({"difficulty": 1})
        object.__setattr__(found, "tag", lambda: 1)
        return found


class Teacherless:
    def __init__(self, space: Any, seed: int) -> None: ...

    def directive(self) -> Any: ...


class Misspelt(RunCallback):
    def on_episode_ended(self, **kwargs: Any) -> None: ...


class Narrow(RLlibCallback):
    def on_episode_end(self, *, episode: Any) -> None: ...


class RunHookOfNoRun(RLlibCallback):
    def on_record(self, record: Any) -> None: ...


class OldHook(RLlibCallback):
    def on_postprocess_trajectory(self, **kwargs: Any) -> None: ...


class Writing(RunCallback):
    def __init__(self) -> None:
        super().__init__()
        Path("seen.txt").write_text("")


class OneName(RunCallback):
    METRICS = "height"  # type: ignore[assignment]


class Undeclared(RunCallback):
    def on_episode_end(self, *, metrics_logger: Any = None, **kwargs: Any) -> None:
        self.log_metric(metrics_logger, "height", 1.0)


class Failing(RunCallback):
    def on_record(self, record: Any) -> None:
        raise RuntimeError("no such column")


class NoConfigure:
    def check(self, config_class: Any) -> None: ...


class RefusesAll(Off):
    def check(self, config_class: Any) -> None:
        raise ConfigError("not this one", key="exploration", fix="exploration=default")


class RaisesPlainly(Off):
    def check(self, config_class: Any) -> None:
        raise KeyError("epsilon")


class OfNames(Off):
    def check(self, config_class: Any) -> None:
        if isinstance(config_class, str):
            raise ConfigError("not this one", key="exploration", fix="exploration=default")


class UnknownSetting(Off):
    def configure(self, config: Any) -> None:
        config.env_runners(exploration_temperature=2.0)


class Growing(Off):
    def configure(self, config: Any) -> None:
        config.env_runners(
            rollout_fragment_length=1
            + (config.rollout_fragment_length or 0 if config.rollout_fragment_length != "auto" else 0)
        )


class ShortOutput(SeparateActorCritic):
    def _forward(self, batch: Any, **kwargs: Any) -> Any:
        return {Columns.ACTION_DIST_INPUTS: self.policy(batch[Columns.OBS])[:1]}


class WrongWidth(SeparateActorCritic):
    def _forward(self, batch: Any, **kwargs: Any) -> Any:
        return {Columns.ACTION_DIST_INPUTS: self.policy(batch[Columns.OBS])[:, :1]}


class Noisy(SeparateActorCritic):
    def _forward(self, batch: Any, **kwargs: Any) -> Any:
        logits = self.policy(batch[Columns.OBS])
        return {Columns.ACTION_DIST_INPUTS: logits + torch.rand_like(logits)}


class Hidden(SeparateActorCritic):
    """Its scale is no parameter, so a copy does not get it."""

    def setup(self) -> None:
        super().setup()
        self.scale = torch.rand(())

    def _forward(self, batch: Any, **kwargs: Any) -> Any:
        return {Columns.ACTION_DIST_INPUTS: self.scale * self.policy(batch[Columns.OBS])}


class Columned(SeparateActorCritic):
    def compute_values(self, batch: Any, embeddings: Any = None) -> Any:
        return self.value(batch[Columns.OBS])


class Divided(SeparateActorCritic):
    def _forward(self, batch: Any, **kwargs: Any) -> Any:
        return {Columns.ACTION_DIST_INPUTS: self.policy(batch[Columns.OBS]) / 0.0}


class NoModule:
    pass
