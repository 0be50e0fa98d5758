"""Takes secrets out of what RLlib writes into a checkpoint of its own: its pickled arguments hold the config.

A run that goes on makes RLlib's objects from its config, and needs none of these files. As many stars stand in them
as the secret had bytes, so that they can be read all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rlexp.compat import rllib
from rlexp.config.convert import secret_values
from rlexp.config.schema import RunConfig

ARGUMENTS = "class_and_ctor_args.pkl"
"""RLlib's file in each component's folder: how to make the object anew."""
_FIELDS = {"class", "ctor_args_and_kwargs"}


@contextmanager
def masked_secrets(folder: Path, config: RunConfig) -> Iterator[None]:
    """Meanwhile RLlib writes a checkpoint, in which no secret is that the config takes from the environment.

    What this process writes never is on the disk with it; what learners in other processes write, until the end.

    Args:
        folder: RLlib's checkpoint.
        config: of the run.
    """
    secrets = sorted((value.encode() for value in secret_values(config)), key=len, reverse=True)
    if not secrets:
        yield
        return
    try:
        with rllib.checkpoints_pickled_by(lambda pickle: _Masking(pickle, secrets)):
            yield
    finally:
        for file in folder.rglob(ARGUMENTS):
            content = file.read_bytes()
            if (after := _masked(content, secrets)) != content:
                file.write_bytes(after)


class _Masking:
    """As RLlib's pickle module, but for how it writes those files."""

    def __init__(self, pickle: Any, secrets: list[bytes]) -> None:
        self._pickle, self._secrets = pickle, secrets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pickle, name)

    def dump(self, value: Any, file: IO[bytes], *args: Any, **kwargs: Any) -> None:
        """As pickle's. State, which is numbers, stays as it is."""
        if isinstance(value, dict) and value.keys() == _FIELDS:
            file.write(_masked(self._pickle.dumps(value, *args, **kwargs), self._secrets))
        else:
            self._pickle.dump(value, file, *args, **kwargs)


def _masked(content: bytes, secrets: list[bytes]) -> bytes:
    for secret in secrets:
        content = content.replace(secret, b"*" * len(secret))
    return content
