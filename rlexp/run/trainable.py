"""The trainable: one run as Ray's `Trainable`, the same class for a single run and for a trial of a sweep.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, EVALUATION_RESULTS
from ray.tune import Trainable

from rlexp.base import gc_pause
from rlexp.base.events import Record
from rlexp.base.headline_metrics import WALL_S, comes_with_evaluation
from rlexp.base.processes import scratch
from rlexp.base.seeds import seed_replay
from rlexp.compat import monotonic_clock, rllib_without_ray
from rlexp.config.algorithms import Kind, kind_of
from rlexp.config.convert import to_run_config
from rlexp.curriculum.build import curriculum_of
from rlexp.curriculum.curriculum import EVENT
from rlexp.engine.curriculum_connector import publish, publish_now
from rlexp.engine.runners.fatal_errors import raise_if_broken
from rlexp.environment.hangs import interrupt_sampling
from rlexp.environment.tasks.outcome import Outcome, outcomes_in
from rlexp.hardware.ray_session import placement
from rlexp.metrics.known_metrics import unused
from rlexp.metrics.result_to_record import (
    ALL_MODULES,
    episode_values,
    flatten,
    flatten_evaluation,
    trained_steps,
)
from rlexp.run import checkpoint_state as state
from rlexp.run.bookkeeping.counters import CHECKPOINTS, EVALUATION, TRAINING, Clock, Counters
from rlexp.run.bookkeeping.evaluation_turns import EvaluationTurns, next_multiple, taking_turns
from rlexp.run.building import rllib_fixes
from rlexp.run.health import StallWatch, stall_patience_s
from rlexp.run.stopping import interruptible_training
from rlexp.run.stopping.horizon import SAMPLED, ending_at

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.tune import PlacementGroupFactory

    from rlexp.config.schema import RunConfig

COUNTERS = "counters.json"
"""In a checkpoint, beside what `rlexp.run.checkpoint_state` writes."""
monotonic_clock.install("ray.rllib.algorithms.algorithm", "ray.tune.trainable.trainable")


class RunTrainable(Trainable):
    """Trains one `RunConfig`; each step is one RLlib iteration and returns its headline metrics.

    `config` holds either `run` (a config as plain values, as Tune hands it over) or `prepared` (what
    `rlexp.run.building.prepare` made of one in this process).
    """

    algorithm: Algorithm
    run: RunConfig
    counters: Counters
    episodes: dict[str, tuple[list[float], list[int]]]
    """Returns and lengths of the last iteration's episodes, under `train` and, where it evaluated, `eval`."""
    _placement = placement.Placement()
    _was_cut = False

    def setup(self, config: dict[str, Any]) -> None:
        """Builds the algorithm; the environments are made here."""
        prepared = config.get("prepared") or _prepare(config["run"])
        self.run, self._built = prepared.config, prepared.algorithm_config
        self.episodes = {}
        self.counters, self.clock = Counters(), Clock(config.get("since"))
        self.turns = EvaluationTurns(
            self.run.evaluation.settings.get("evaluation_interval"),
            self.run.evaluation.evaluation_interval_env_steps,
        )
        self._steps_before_restore, self._ends_at = 0, tuple[int, ...]()
        self._stalls = StallWatch(stall_patience_s(self._built, self._kind != "async"))
        self._placement = placement.reserve(self.run, self._built)
        try:
            with rllib_without_ray.results_in(self._scratch()), self._placement.entered():
                self.algorithm = self._built.build_algo()
            rllib_fixes.guard_metrics(self.algorithm)
            interruptible_training.make_interruptible(self.algorithm)
        except BaseException:
            self._placement.release()
            raise
        seed_replay(self.algorithm, self.run.seed)
        rllib_fixes.bound_replay(self.algorithm.local_replay_buffer)
        self.curriculum = curriculum_of(self.run.curriculum, self.run.trusted, self.run.seed)
        if self.curriculum is not None:
            publish_now(self.algorithm, self.curriculum.payload())
        gc_pause.end()

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> PlacementGroupFactory:
        """What Tune books for a trial; `config` as for `setup`."""
        prepared = config.get("prepared") or _prepare(config["run"])
        return placement.request(prepared.algorithm_config)

    def _setup_logdir(self) -> None:
        """Ray gives every trainable a folder in the home folder, for loggers that nothing here uses."""
        with rllib_without_ray.results_in(self._scratch()):
            super()._setup_logdir()

    def _scratch(self) -> str:
        if not hasattr(self, "_scratch_folder"):
            scratch.tidy()
            self._scratch_folder = str(scratch.new_folder())
        return self._scratch_folder

    def step(self) -> Record:
        """One iteration: sample, learn, perhaps evaluate.

        Returns:
            Headline metrics under flat names, with `env_steps` and `iteration` over all resumes of the run.

        Raises:
            RunFailedError: the environments can no longer be stepped.
            SamplingCut: an interrupt ended the sampling, and nothing has changed since the last iteration.
        """
        try:
            result, seconds = self._train()
        finally:
            self._was_cut = interrupt_sampling.happened()
        record = flatten(result, unused(self.run))
        self.episodes = {"train": episode_values(result.get(ENV_RUNNER_RESULTS) or {})}
        if self.turns.was_due:
            self._take_evaluated(result.get(EVALUATION_RESULTS) or {})
        self.counters.advance(
            env_steps=self._env_steps(int(record["env_steps"])), seconds=seconds, wall_s=self.clock.wall_s
        )
        record.update(self.counters.metrics())
        if self.curriculum is not None:
            version = self.curriculum.version
            record.update(self.curriculum.take_in(_outcomes(result), record))
            # RLlib sends states after it has sampled: by that way alone, a promotion would come an iteration late.
            # Runners that sample all the time are not waited for.
            at_once = self.curriculum.version != version and self._kind != "async"
            (publish_now if at_once else publish)(self.algorithm, self.curriculum.payload())
            if self.curriculum.new_events:
                record[EVENT] = "; ".join(self.curriculum.new_events)
        raise_if_broken(self.algorithm)
        if self.algorithm.config.is_online:
            self._stalls.update(self.counters.new_env_steps)
        return record

    def _train(self) -> tuple[dict[str, Any], float]:
        """RLlib's iteration, with an evaluation where one is due; its results and the seconds it took."""
        started = time.monotonic()
        evaluation: list[float] = []
        done = self.counters.env_steps
        last = (done - self.counters.new_env_steps, done)
        progress = lambda results: self._env_steps(trained_steps(results))  # noqa: E731
        with (
            ending_at(self.algorithm, self._horizon, self._deadline),
            taking_turns(self.algorithm, self.turns, progress, last, evaluation.append),
        ):
            result: dict[str, Any] = self.algorithm.train()
        seconds = time.monotonic() - started
        self.clock.add(EVALUATION, sum(evaluation))
        self.clock.add(TRAINING, seconds - sum(evaluation))
        return result, seconds

    def _env_steps(self, own: int) -> int:
        """Env steps of the run over all resumes, from those that this algorithm has sampled itself."""
        return self._steps_before_restore + own

    @property
    def _horizon(self) -> int | None:
        """Where the next iteration ends at the latest, in env steps that this algorithm has sampled itself.

        At the run's budget, the next evaluation, checkpoint and comparison that env steps are given for; None without.
        """
        done = self.counters.env_steps
        ends = [
            self.run.stop.env_steps,
            next_multiple(self.run.checkpoint.every_env_steps, done),
            *self.turns.next_after(done),
            next((steps for steps in self._ends_at if steps > done), None),
        ]
        first = min((end for end in ends if end is not None), default=None)
        return None if first is None else first - self._steps_before_restore

    @property
    def _deadline(self) -> float | None:
        """When the run's budget of seconds ends, by `time.monotonic()`; None without one."""
        budget = self.run.stop.wall_s
        return None if budget is None else time.monotonic() + budget - self.clock.wall_s

    @property
    def _kind(self) -> Kind:
        return kind_of(self.run.algorithm.config_class, self.run.trusted)

    def report_at(self, env_steps: Sequence[int], metric: str) -> None:
        """Iterations end at these env steps, rising, too; with an evaluation where that gives `metric`."""
        self._ends_at = tuple(env_steps)
        if comes_with_evaluation(metric):
            self.turns.at = self._ends_at

    @property
    def evaluates(self) -> bool:
        """Whether the run evaluates at all."""
        return self.algorithm.config.evaluation_interval is not None

    def evaluate(self) -> Record:
        """One evaluation out of turn.

        Returns:
            The `eval/` metrics, and `perf/wall_s` with the time it took.
        """
        with self.clock.of(EVALUATION):
            results = self.algorithm.evaluate()
        self._was_cut = self._was_cut or interrupt_sampling.happened()
        record = flatten_evaluation(results)
        self._take_evaluated(results)
        self.counters.wall_s = self.clock.wall_s
        return {**record, WALL_S: self.counters.wall_s}

    def _take_evaluated(self, results: Mapping[str, Any]) -> None:
        self.episodes["eval"] = episode_values(results.get(ENV_RUNNER_RESULTS) or {})

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Writes RLlib's checkpoint, the run's own counters, and what RLlib leaves out."""
        with self.clock.of(CHECKPOINTS):
            state.save(Path(checkpoint_dir), self.algorithm, self.run, self.curriculum)
        # Last, so that the time of this checkpoint is in it.
        counters = {**self.counters.state(), "clock": self.clock.state()}
        (Path(checkpoint_dir) / COUNTERS).write_text(json.dumps(counters))

    def load_checkpoint(self, checkpoint: str | dict | None) -> None:
        """Continues from `save_checkpoint`: weights, optimisers, schedules, counters, replay.

        Raises:
            CheckpointError: the checkpoint is of other spaces or another kind of algorithm.
        """
        folder = Path(str(checkpoint))
        state.restore(folder, self.algorithm, self.curriculum)
        self._restore_counters(json.loads((folder / COUNTERS).read_text()))
        if self.curriculum is not None and (folder / state.CURRICULUM).is_file():
            publish_now(self.algorithm, self.curriculum.payload())
        sampled = self.algorithm.metrics.peek(SAMPLED, default=0) if self.algorithm.config.is_online else 0
        self._steps_before_restore = self.counters.env_steps - int(sampled)
        state.restore_learners(folder, self.algorithm, int(sampled))

    def _restore_counters(self, saved: dict[str, Any]) -> None:
        """Those of a run that goes on; one that takes over another's state keeps its own time."""
        if not self.counters.iteration:
            # Earlier versions saved no more of the time than the seconds in all.
            self.clock.restore(saved.get("clock", {"wall_s": saved["wall_s"], TRAINING: saved["wall_s"]}))
        self.counters.restore({**saved, "wall_s": self.clock.wall_s})

    def load_weights(self, folder: Path) -> None:
        """Takes over a checkpoint's network alone; counters, optimisers and schedules start fresh."""
        state.restore_weights(folder, self.algorithm)

    def cleanup(self) -> None:
        """Stops RLlib's processes."""
        try:
            if hasattr(self, "algorithm"):
                if self._was_cut:
                    interruptible_training.end_busy_runners(self.algorithm)
                self.algorithm.stop()
        finally:
            self._placement.release()
            shutil.rmtree(self._scratch(), ignore_errors=True)


def _outcomes(result: Mapping[str, Any]) -> list[Outcome]:
    """Of the iteration's episodes: reported by the runners, or by the learner where it adds signals."""
    learner = (result.get("learners") or {}).get(ALL_MODULES)
    return [*outcomes_in(result.get(ENV_RUNNER_RESULTS)), *outcomes_in(learner)]


def _prepare(plain: Mapping[str, Any]) -> Any:
    from rlexp.run.building.prepare import prepare

    return prepare(to_run_config(plain, {}))
