"""Pictures to a video file."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlexp.base.errors import ConfigError

_NEEDS = {"mp4": ("imageio_ffmpeg", "imageio-ffmpeg"), "gif": ("PIL", "pillow")}


def check_encoder(format: str) -> None:
    """Refuse a format that cannot be written here.

    Raises:
        ConfigError: it is unknown, or what writes it is not installed.
    """
    if format not in _NEEDS:
        raise ConfigError(
            f"callbacks.video.format: {format!r} is no format to record in",
            key="callbacks.video.format",
            suggestions=list(_NEEDS),
        )
    module, package = _NEEDS[format]
    if importlib.util.find_spec(module) is None:
        others = [name for name, (other, _) in _NEEDS.items() if importlib.util.find_spec(other)]
        raise ConfigError(
            f"callbacks.video.format={format} needs {package}, which is not installed",
            key="callbacks.video.format",
            suggestions=[f"callbacks.video.format={name}" for name in others],
            fix=f"python -m pip install {package}",
        )


def write_film(path: Path, frames: Sequence[np.ndarray], fps: int) -> None:
    """Write `frames`, each (height, width, 3) uint8 and all of one size, as `.mp4` or `.gif` by its ending.

    The file appears when it is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished{path.suffix}")
    try:
        (_mp4 if path.suffix == ".mp4" else _gif)(unfinished, frames, fps)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _mp4(path: Path, frames: Sequence[np.ndarray], fps: int) -> None:
    from imageio_ffmpeg import write_frames

    # The codec wants even sides; one row or column of a small picture is worth less than its scaling.
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    writer = write_frames(str(path), (width, height), fps=fps, macro_block_size=1, ffmpeg_log_level="error")
    writer.send(None)
    try:
        for frame in frames:
            writer.send(np.ascontiguousarray(frame[:height, :width]))
    finally:
        writer.close()


def _gif(path: Path, frames: Sequence[np.ndarray], fps: int) -> None:
    from PIL import Image

    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)
