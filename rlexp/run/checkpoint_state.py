"""What a run's checkpoint holds of its algorithm, and how that is put back: RLlib's own, and what RLlib leaves out.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rlexp.base.errors import CheckpointError
from rlexp.base.moved_names import current_name
from rlexp.config.convert import to_plain
from rlexp.engine import learner_state
from rlexp.run.bookkeeping.checkpoint_secrets import masked_secrets

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.core.learner.learner import Learner

    from rlexp.config.schema import RunConfig
    from rlexp.curriculum.curriculum import Curriculum

ALGORITHM = "algorithm"
"""RLlib's checkpoint, a folder; the others are files beside it."""
CONFIG = "config.yaml"
LEARNERS = "learners.json"
SPACES = "spaces.json"
CURRICULUM = "curriculum.pkl"
REPLAY = "replay.pkl"
WEIGHTS = "learner_group/learner/rl_module"
"""Of RLlib's checkpoint: the network alone."""
_CLASS = " class"
"""After a module's name, of the entry of `SPACES` with its import path."""


def save(folder: Path, algorithm: Algorithm, run: RunConfig, curriculum: Curriculum | None) -> None:
    """Writes all of it to a folder."""
    with masked_secrets(folder / ALGORITHM, run):
        algorithm.save_to_path(str((folder / ALGORITHM).resolve()))
    (folder / CONFIG).write_text(yaml.safe_dump(to_plain(run), sort_keys=False))
    (folder / LEARNERS).write_text(json.dumps(learner_state.read(algorithm)))
    (folder / SPACES).write_text(json.dumps(_spaces(algorithm)))
    if curriculum is not None:
        (folder / CURRICULUM).write_bytes(pickle.dumps(curriculum.state()))
    buffer = algorithm.local_replay_buffer
    if run.checkpoint.replay and buffer is not None:
        with (folder / REPLAY).open("wb") as file:
            pickle.dump(buffer.get_state(), file, protocol=pickle.HIGHEST_PROTOCOL)


def restore(folder: Path, algorithm: Algorithm, curriculum: Curriculum | None) -> None:
    """Puts back RLlib's state, the replay buffer's and the curriculum's; not what `restore_learners` does.

    Raises:
        CheckpointError: the checkpoint is of other spaces or another kind of algorithm.
    """
    check_same_spaces(folder, algorithm)
    algorithm.restore_from_path(str((folder / ALGORITHM).resolve()))
    if (folder / REPLAY).is_file() and algorithm.local_replay_buffer is not None:
        with (folder / REPLAY).open("rb") as file:
            algorithm.local_replay_buffer.set_state(pickle.load(file))
    if curriculum is not None and (folder / CURRICULUM).is_file():
        curriculum.restore(pickle.loads((folder / CURRICULUM).read_bytes()))


def restore_learners(folder: Path, algorithm: Algorithm, sampled: int) -> None:
    """Puts back what RLlib forgets of its learners, such as schedules, at `sampled` env steps by its own count."""
    forgotten = json.loads((folder / LEARNERS).read_text()) if (folder / LEARNERS).is_file() else {}
    learner_state.write(algorithm, forgotten, sampled)


def restore_weights(folder: Path, algorithm: Algorithm) -> None:
    """Puts back the network alone; raises what `restore` raises."""
    check_same_spaces(folder, algorithm)
    algorithm.restore_from_path(str((folder / ALGORITHM / WEIGHTS).resolve()), component=WEIGHTS)


def check_same_spaces(folder: Path, algorithm: Algorithm) -> None:
    """Refuses a checkpoint whose algorithm, spaces or network differ from what has been built."""
    if not (folder / SPACES).is_file():
        return
    saved, built = json.loads((folder / SPACES).read_text()), _spaces(algorithm)
    saved |= {key: current_name(path) for key, path in saved.items() if key.endswith(_CLASS)}
    different = [k for k in sorted(saved.keys() | built.keys()) if saved.get(k) != built.get(k)]
    if different:
        lines = [f"  {k}:\n    checkpoint {saved.get(k)}\n    this run   {built.get(k)}" for k in different]
        raise CheckpointError(f"{folder} does not fit this run:\n" + "\n".join(lines))


def _spaces(algorithm: Algorithm) -> dict[str, str]:
    """Module classes and spaces as text: what must be the same for a checkpoint to fit."""
    modules = algorithm.learner_group.foreach_learner(_describe_modules).result_or_errors[0].get()
    # The config's name: the fast path has algorithm classes of its own, whose checkpoints are the same.
    return {"algorithm": type(algorithm.config).__name__.removesuffix("Config"), **modules}


def _describe_modules(learner: Learner, **_: Any) -> dict[str, str]:
    described = {}
    for name in learner.module.keys():  # noqa: SIM118  # a MultiRLModule is no mapping
        module = learner.module[name].unwrapped()
        described[f"{name}{_CLASS}"] = f"{type(module).__module__}.{type(module).__qualname__}"
        described[f"{name} observation space"] = str(module.observation_space)
        described[f"{name} action space"] = str(module.action_space)
        shapes = {k: tuple(v.shape) for k, v in module.named_parameters()}
        described[f"{name} parameters"] = ", ".join(f"{k} {list(v)}" for k, v in sorted(shapes.items()))
    return described
