"""Videos of episodes as the policy plays them at present.

Imports RLlib through its base class, so it is imported only where training is about to start.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from callbacks.film import check_encoder, write_film
from rlexp.base.errors import ConfigError
from rlexp.base.events import Record, RunInfo
from rlexp.engine.run_callback import RunCallback
from rlexp.environment.env_errors import describe
from rlexp.environment.hangs import interrupt_sampling
from rlexp.environment.hangs.hang_watch import Hang
from rlexp.terminal.quiet import terminal

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm


class Video(RunCallback):
    """Records one episode after every n-th evaluation into `<run folder>/videos/step_<env steps>.<format>`.

    The episode is played without exploration and from the same start each time, by an env runner of its own
    in the driver, with the present weights and connector states. Training's random numbers stay as they were.

    Args:
        every: evaluations from one video to the next; the first one gets a video.
        format: `mp4` (needs imageio-ffmpeg) or `gif` (needs pillow).
        fps: pictures per second.
        max_steps: steps after which an episode is cut off.
    """

    def __init__(self, every: int = 1, format: str = "mp4", fps: int = 30, max_steps: int = 1000) -> None:
        super().__init__()
        if min(every, fps, max_steps) < 1:
            raise ValueError("Video needs every, fps and max_steps of at least 1")
        self._every, self._format, self._fps, self._max_steps = every, format, fps, max_steps
        self._evaluations = 0
        self._folder: Path | None = None
        self._algorithm: Algorithm | None = None
        self._due = self._gave_up = False
        self._runner: SingleAgentEnvRunner | None = None

    def on_algorithm_init(self, *, algorithm: Algorithm, **kwargs: Any) -> None:
        """Refuse, before training, what cannot be recorded.

        Raises:
            ConfigError: no evaluation, no encoder, several agents, or an env runner of another kind.
        """
        config = algorithm.config
        check_encoder(self._format)
        if config.evaluation_interval is None:
            raise ConfigError(
                "callbacks=video records after evaluations, and evaluation is off",
                key="callbacks.video",
                fix="evaluation=default",
            )
        kind = config.env_runner_cls or SingleAgentEnvRunner
        if config.is_multi_agent or not issubclass(kind, SingleAgentEnvRunner):
            raise ConfigError(f"callbacks=video cannot record with {kind.__name__}", key="callbacks.video")
        self._algorithm = algorithm

    def on_run_start(self, run: RunInfo) -> None:
        """Make the environment to record.

        Raises:
            ConfigError: it cannot be made with `render_mode=rgb_array`.
        """
        assert self._algorithm is not None, "on_algorithm_init comes first"
        self._folder = run.folder / "videos"
        try:
            with random_state_kept():
                self._runner = self._make_runner(self._algorithm)
        except Exception as error:
            lines = str(error).strip().splitlines()
            raise _does_not_draw(lines[0] if lines else type(error).__name__) from error
        modes = self._runner.env.unwrapped.envs[0].metadata.get("render_modes", ())
        if "rgb_array" not in modes:
            raise _does_not_draw(f"it has the render modes {', '.join(map(str, modes)) or 'none'}")

    def on_evaluate_end(self, **kwargs: Any) -> None:
        """Count the evaluation."""
        self._due = self._evaluations % self._every == 0
        self._evaluations += 1

    def on_record(self, record: Record) -> None:
        """Record an episode when an evaluation made it due."""
        if not self._due or self._gave_up or self._folder is None:
            return
        self._due = False
        try:
            frames = self._play()
        except interrupt_sampling.SamplingCut:
            return  # The run is to end, and a film is not worth the wait.
        except (KeyboardInterrupt, Hang):
            raise
        except BaseException as error:  # SystemExit too: drawing is not worth a run.
            self._give_up(f"it raised {describe(error)}", _DRAWS)
            return
        if not frames:
            self._give_up(f"with render_mode=rgb_array it gives {self._camera().instead}", _DRAWS)
            return
        try:
            write_film(self._folder / f"step_{record['env_steps']}.{self._format}", frames, self._fps)
        except Exception as error:
            self._give_up(
                f"the film could not be written: {describe(error)}", "another callbacks.video.format"
            )

    def _give_up(self, why: str, fix: str) -> None:
        assert self._algorithm is not None
        self._gave_up = True
        env = self._algorithm.config.env_config.get("id", "the environment")
        terminal().warn(
            f"no videos of {env}, the run goes on without: {why} (fix: {fix}, or callbacks without video)"
        )

    def _camera(self) -> Camera:
        assert self._runner is not None
        return next(c for c in self._runner._callbacks if isinstance(c, Camera))

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Close the recording environment."""
        if self._runner is not None:
            self._runner.stop()
        self._runner = self._algorithm = None

    def _play(self) -> list[np.ndarray]:
        """Pictures of one episode, each (height, width, 3) uint8; none where the environment gives none."""
        assert self._algorithm is not None and self._runner is not None
        with random_state_kept():
            # What travels to evaluation runners too: weights and connectors, not counters or metrics.
            state = self._algorithm.env_runner.get_state()
            keep = ("rl_module", "env_to_module_connector", "module_to_env_connector")
            self._runner.set_state({name: state[name] for name in keep if name in state})
            camera = self._camera()
            camera.frames.clear()
            self._runner.sample(num_episodes=1, explore=False)
            return list(camera.frames)

    def _make_runner(self, algorithm: Algorithm) -> SingleAgentEnvRunner:
        config = algorithm.evaluation_config.copy(copy_frozen=False)
        env = dict(config.env_config)
        env["config"] = {**env.get("config", {}), "render_mode": "rgb_array"}
        env["max_episode_steps"] = min(env.get("max_episode_steps") or self._max_steps, self._max_steps)
        config.environment(env_config=env)
        config.env_runners(num_env_runners=0, num_envs_per_env_runner=1, gym_env_vectorize_mode="sync")
        config.callbacks(callbacks_class=[partial(Camera, self._max_steps)])
        return SingleAgentEnvRunner(config=config, worker_index=0)


def _does_not_draw(reason: str) -> ConfigError:
    return ConfigError(
        f"callbacks=video: the environment gives no pictures with render_mode=rgb_array: {reason}",
        key="callbacks.video",
        fix="an environment that draws, or callbacks without video",
    )


_DRAWS = "render() that returns a uint8 array (height, width, 3) for render_mode=rgb_array"


class Camera(RunCallback):
    """Keeps a picture of each step of the env runner that it belongs to, up to a number of them.

    Attributes:
        instead: what the environment gave that is no picture.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.instead = "nothing"
        self.frames: list[np.ndarray] = []

    def on_episode_start(self, *, env: Any = None, **kwargs: Any) -> None:
        """The first picture."""
        self._shoot(env)

    def on_episode_step(self, *, env: Any = None, **kwargs: Any) -> None:
        """One more."""
        self._shoot(env)

    def _shoot(self, env: Any) -> None:
        interrupt_sampling.check()
        if len(self.frames) > self._most:
            return
        rendered = env.render()
        for found in rendered[:1] if isinstance(rendered, (list, tuple)) else [rendered]:
            # A renderer of mode rgb_array_list gives all pictures since it was last asked.
            pictures = found if isinstance(found, (list, tuple)) else [found]
            shot = [picture for picture in map(picture_of, pictures) if picture is not None]
            self.frames += [each for each in shot if not self.frames or each.shape == self.frames[0].shape]
            if not shot:
                self.instead = _in_words(found)


def _in_words(value: Any) -> str:
    """What a renderer gave that is no picture."""
    if value is None:
        return "nothing"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape} in place of pictures"
    return f"{type(value).__name__} in place of pictures"


def picture_of(value: Any) -> np.ndarray | None:
    """What a renderer gave as (height, width, 3) uint8; None where it is no picture.

    Grey pictures, of shape (height, width) or with one channel, get three; floats are taken as from 0 to 1; a fourth
    channel is left out.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "buif" or value.ndim not in (2, 3):
        return None
    picture = value[..., None] if value.ndim == 2 else value
    if picture.shape[-1] not in (1, 2, 3, 4) or 0 in picture.shape:
        return None
    if picture.dtype.kind in "bf":
        picture = np.nan_to_num(np.clip(picture, 0.0, 1.0)) * 255.0
    colours = np.repeat(picture[..., :1], 3, axis=-1) if picture.shape[-1] < 3 else picture[..., :3]
    return np.ascontiguousarray(colours, dtype=np.uint8)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Python's, numpy's and torch's random numbers go on as if nothing inside had drawn or seeded any."""
    import torch

    plain, array = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(plain)
            np.random.set_state(array)
