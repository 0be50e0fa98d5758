"""Stores of small checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rlexp.storage.checkpoint.store import CheckpointStore

WEIGHTS = Path("learner") / "module" / "weights.bin"


def writer(text: str) -> Callable[[Path], None]:
    """Writes a checkpoint of the kind RLlib writes: components in folders, one of them empty."""

    def write(folder: Path) -> None:
        (folder / "state.pkl").write_text(text)
        (folder / WEIGHTS).parent.mkdir(parents=True)
        (folder / WEIGHTS).write_text(text * 100)
        (folder / "env_runner").mkdir()

    return write


def store_of(folder: Path, scores: Sequence[float] = (-1, 0, -1), **options: object) -> CheckpointStore:
    """A store in `folder/checkpoints` with checkpoints at 10, 20, .. that score so; the second best of three."""
    store = CheckpointStore(folder / "checkpoints", **({"keep": 5} | options))  # type: ignore[arg-type]
    for i, score in enumerate(scores, start=1):
        store.save(10 * i, writer(f"step {10 * i}"), score=float(score), meta={"iteration": i})
    return store


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
