"""A trial as Ray Tune sees it; its process is kept warm for the next one.

RLlib is left to the trials' processes; the sweep's own does
without, which saves it seconds and memory.
"""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Trainable

from rlexp.base.errors import EXIT_USAGE
from rlexp.hardware.machine import limits
from rlexp.storage.buckets.local_copies import local
from rlexp.sweep.execution import sealing_key_lending
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.trials.resources import booked, request_of, same_request
from rlexp.sweep.trials.trial_task import TrialTask

if TYPE_CHECKING:
    from ray.tune import PlacementGroupFactory

    from rlexp.sweep.execution.trial_run import TrialRun

REFUSED = "refused"
_CHECKPOINT, _DONOR = "checkpoint", "trial.json"


class SweepTrial(Trainable):
    """Runs the trial that its `config` names; see `TrialTask` for the keys.

    A trial that cannot be built does not raise, as Tune would give up its process: its first result says so.
    """

    _run: TrialRun | None = None
    _failure: Exception | None = None

    def setup(self, config: dict[str, Any]) -> None:
        """Begins the trial, or goes on where its folder was left."""
        task = TrialTask(**config)
        trial = SweepFolder(local(task.sweep)).trial_for_task(task.trial, task.changes, task.seals)
        sealing_key_lending.borrow(task.seals)
        limits.take_share(booked(trial.config).get("CPU", 1.0))
        self._name, self._run, self._failure = task.trial, None, None
        from rlexp.sweep.execution.trial_run import TrialRun

        try:
            self._run = TrialRun(task, trial)
        except Exception as failure:
            self._failure = failure

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> PlacementGroupFactory:
        """The resources that Tune books for the trial."""
        return _resource_request(config["sweep"], config["trial"], tuple(config["overrides"]))

    def step(self) -> dict[str, Any]:
        """See `TrialRun.report`; `refused` says why a trial could not be built."""
        failure, self._failure = self._failure, None
        if failure is not None:
            if getattr(failure, "exit_code", None) != EXIT_USAGE:
                raise failure
            return {"done": True, "env_steps": 0, REFUSED: str(failure)}
        assert self._run is not None
        return self._run.report()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes up the next trial, in this process."""
        self.cleanup()
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        """Saves and closes what still trains."""
        if self._run is not None:
            self._run.end()

    def _setup_logdir(self) -> None:
        """Makes the folder alone; Tune would make it the current one, to which paths in configs do not refer."""
        self._logdir = self._storage.trial_working_directory
        Path(self._logdir).mkdir(parents=True, exist_ok=True)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Saves for schedulers that pause trials or clone them; the trial's own checkpoints lie in its folder."""
        assert self._run is not None
        shutil.copytree(self._run.save_checkpoint(), Path(checkpoint_dir) / _CHECKPOINT)
        (Path(checkpoint_dir) / _DONOR).write_text(json.dumps({"trial": self._name}))

    def load_checkpoint(self, checkpoint: dict | str | None) -> None:
        """Takes over another trial's state; its own needs nothing, as the trial goes on from its folder."""
        folder = Path(str(checkpoint))
        donor = json.loads((folder / _DONOR).read_text())["trial"]
        if self._run is not None and donor != self._name:
            self._run.take_over(folder / _CHECKPOINT, donor)


@lru_cache(maxsize=4096)
def _resource_request(sweep: str, name: str, overrides: tuple[str, ...]) -> PlacementGroupFactory:
    """The resources of a trial, computed once for all that book the same: it may take RLlib and an environment."""
    config = SweepFolder(local(sweep)).frozen.one(name, overrides).config
    kind = same_request(config)
    if kind not in _request_cache:
        _request_cache[kind] = request_of(config)
    return _request_cache[kind]


_request_cache: dict[str, PlacementGroupFactory] = {}
