"""Videos recorded from a real training run, read back."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from callbacks.film import check_encoder, write_film
from callbacks.video import Camera
from rlexp.base.errors import ConfigError
from rlexp.base.events import RunInfo

FRAMES = [np.full((21, 33, 3), shade, np.uint8) for shade in (0, 120, 240)]
needs_ffmpeg = pytest.mark.skipif(not importlib.util.find_spec("imageio_ffmpeg"), reason="no imageio-ffmpeg")
needs_pillow = pytest.mark.skipif(not importlib.util.find_spec("PIL"), reason="no pillow")


@needs_ffmpeg
def test_mp4_holds_every_picture(tmp_path: Path) -> None:
    from imageio_ffmpeg import read_frames

    write_film(tmp_path / "new" / "a.mp4", FRAMES, fps=10)
    reader = read_frames(str(tmp_path / "new" / "a.mp4"))
    facts: Any = next(reader)
    shades = [np.frombuffer(picture, np.uint8).mean() for picture in reader]
    assert facts["size"] == (32, 20) and facts["fps"] == 10
    assert np.allclose(shades, [0, 120, 240], atol=8)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.mp4"]


@needs_pillow
def test_gif_holds_every_picture(tmp_path: Path) -> None:
    from PIL import Image

    write_film(tmp_path / "a.gif", FRAMES, fps=20)
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 3 and film.size == (33, 21) and film.info["duration"] == 50  # type: ignore[attr-defined]


def test_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigError, match="no format to record in"):
        check_encoder("avi")


def algorithm_config(
    evaluation_interval: int | None, env_id: str = "MountainCar-v0", **arguments: Any
) -> Any:
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.tune.registry import register_env

    from callbacks.video import Video
    from rlexp.config.schema import EnvChoice
    from rlexp.environment.make import RLLIB_NAME, env_creator

    register_env(RLLIB_NAME, env_creator)
    choice = EnvChoice(id=env_id, max_episode_steps=20)
    wire = {k: v for k, v in vars(choice).items() if k != "settings"} | {"trusted": ["gymnasium"]}
    return (
        PPOConfig()
        .environment(RLLIB_NAME, env_config=wire)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=2)
        .evaluation(evaluation_interval=evaluation_interval, evaluation_duration=1)
        .training(train_batch_size_per_learner=64, minibatch_size=64, num_epochs=1)
        .rl_module(model_config={"fcnet_hiddens": [4]})
        .callbacks(callbacks_class=[partial(Video, **arguments)])
        .debugging(seed=3)
    )


@needs_pillow
def test_a_run_leaves_videos_of_its_evaluations(tmp_path: Path) -> None:
    from PIL import Image

    from rlexp.compat.rllib_without_ray import install

    install()
    algorithm = algorithm_config(evaluation_interval=1, every=2, format="gif", max_steps=12).build_algo()
    (video,) = algorithm.callbacks
    video.on_run_start(RunInfo(tmp_path, "run", "id", {}))
    for iteration in range(1, 4):
        algorithm.train()
        before: Any = np.random.get_state()
        video.on_record({"env_steps": 64 * iteration, "iteration": iteration})
        after: Any = np.random.get_state()
        assert before[2] == after[2] and (before[1] == after[1]).all(), (
            "recording disturbs training's random numbers"
        )
    weights = {k: v.copy() for k, v in algorithm.env_runner.module.get_state().items()}
    recorded = video._runner.module.get_state()
    assert all(np.array_equal(recorded[k], v) for k, v in weights.items()), "the present weights play"
    video.on_run_end("done", {})
    algorithm.stop()
    assert sorted(file.name for file in (tmp_path / "videos").iterdir()) == ["step_192.gif", "step_64.gif"]
    with Image.open(tmp_path / "videos" / "step_64.gif") as film:
        assert film.n_frames > 1 and film.size == (600, 400)  # type: ignore[attr-defined]


def test_without_evaluation_it_is_refused() -> None:
    from rlexp.compat.rllib_without_ray import install

    install()
    with pytest.raises(ConfigError, match="evaluation is off"):
        algorithm_config(evaluation_interval=None, format="gif").build_algo()


def test_an_environment_that_does_not_draw_is_refused_before_training(tmp_path: Path) -> None:
    import gymnasium

    from rlexp.compat.rllib_without_ray import install

    install()
    gymnasium.register("TextOnly-v0", entry_point=TextOnly)
    algorithm = algorithm_config(evaluation_interval=1, env_id="TextOnly-v0", format="gif").build_algo()
    with pytest.raises(ConfigError, match="render_mode=rgb_array"):
        algorithm.callbacks[0].on_run_start(RunInfo(tmp_path, "run", "id", {}))
    algorithm.stop()


class TextOnly(CartPoleEnv):
    """CartPole that can only be read."""

    metadata = {"render_modes": ["ansi"], "render_fps": 30}


class Renders:
    """Only the part of an environment that a camera looks at."""

    def __init__(self, rendered: Any) -> None:
        self.rendered = rendered

    def render(self) -> Any:
        return self.rendered


GREY = np.full((4, 6), 100, np.uint8)


@pytest.mark.parametrize(
    ("rendered", "colours"),
    [
        ([GREY], [100]),
        ([GREY[..., None]], [100]),
        ([np.full((4, 6, 4), 100, np.uint8)], [100]),
        ([np.full((4, 6, 3), 0.5)], [127]),
        ([[GREY, GREY + 1]], [100, 101]),  # rgb_array_list
        ((GREY,), [100]),
        (["a room in text"], []),
        ([None], []),
        (None, []),
        ([np.zeros((0, 6), np.uint8)], []),
    ],
)
def test_a_camera_takes_every_kind_of_picture_and_leaves_the_rest(rendered: Any, colours: list[int]) -> None:
    camera = Camera(10)
    camera.on_episode_start(env=Renders(rendered))
    assert [int(picture[0, 0, 0]) for picture in camera.frames] == colours
    assert all(picture.shape == (4, 6, 3) and picture.dtype == np.uint8 for picture in camera.frames)


def test_a_camera_says_what_came_in_place_of_pictures() -> None:
    camera = Camera(10)
    camera.on_episode_start(env=Renders(["a room in text"]))
    assert camera.instead == "str in place of pictures"
