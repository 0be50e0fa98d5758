"""The loop's order of things, with a trainable that counts instead of learning."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlexp.base.errors import RunFailedError
from rlexp.config.schema import CheckpointChoice, CurriculumChoice, Plateau, Stop
from rlexp.run.loop import Loop, Progress
from rlexp.storage.checkpoint.store import CheckpointStore, resolve
from rlexp.terminal.interrupt import Interrupt


class Counting:
    """Ten steps an iteration; `returns` are its training returns, `evaluations` what evaluating gives."""

    def __init__(
        self, stop: Stop, checkpoint: CheckpointChoice, returns: list[float], evaluations: list[float]
    ) -> None:
        self.run = SimpleNamespace(stop=stop, checkpoint=checkpoint, curriculum=CurriculumChoice())
        self.curriculum: Any = None
        self.iteration, self.returns, self.evaluations = 0, returns, list(evaluations)
        self.before_step: Callable[[int], None] = lambda iteration: None

    @property
    def evaluates(self) -> bool:
        return bool(self.evaluations)

    def step(self) -> dict[str, Any]:
        self.iteration += 1
        self.before_step(self.iteration)
        record = {
            "env_steps": 10 * self.iteration,
            "iteration": self.iteration,
            "perf/wall_s": 1.0 * self.iteration,
        }
        if self.iteration <= len(self.returns):
            record["train/return_mean"] = self.returns[self.iteration - 1]
        return record

    def evaluate(self) -> dict[str, Any]:
        value = self.evaluations.pop(0)
        if value != value:
            raise ValueError("evaluation is broken")
        return {"eval/return_mean": value}

    def save_checkpoint(self, folder: str) -> None:
        (Path(folder) / "state").write_text(str(self.iteration))


class Listener:
    """Keeps what it is told; breaks at `breaks_at`."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.told: list[tuple[str, int]] = []
        self.breaks_at = breaks_at

    def on_record(self, record: dict[str, Any]) -> None:
        self.told.append(("record", record["iteration"]))
        if record["iteration"] == self.breaks_at:
            raise ValueError("listener is broken")

    def on_checkpoint(self, path: Path, record: dict[str, Any]) -> None:
        assert json.loads((path / "seal.json").read_text())["step"] == record["env_steps"], "sealed by then"
        self.told.append(("checkpoint", record["iteration"]))


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Loop, Listener]]:
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))

    def make(
        stop: Stop,
        *,
        returns: list[float] = (),  # type: ignore[assignment]
        evaluations: list[float] = (),  # type: ignore[assignment]
        listeners: list[Listener] | None = None,
        progress: Progress | None = None,
        **checkpoint: Any,
    ) -> tuple[Loop, Listener]:
        choice = CheckpointChoice(**{"best_by": None, "every": None, **checkpoint})
        listeners = listeners or [Listener()]
        store = CheckpointStore(tmp_path / "checkpoints", keep=10)
        trainable: Any = Counting(stop, choice, list(returns), list(evaluations))
        return Loop(trainable, store, listeners, progress), listeners[0]  # type: ignore[arg-type]

    return make


def saved(made: Loop) -> list[int]:
    return [int((c.path / "state").read_text()) for c in made.store.all()]


def test_the_last_state_is_always_saved_and_only_once(loop: Any) -> None:
    made, listener = loop(Stop(iterations=5), every=2)
    ending = made.run(Interrupt())
    assert (ending.status, ending.reason) == ("done", "5 iterations")
    assert saved(made) == [2, 4, 5]
    records = [("record", i) for i in range(1, 6)]
    assert listener.told == [
        *records[:2],
        ("checkpoint", 2),
        *records[2:4],
        ("checkpoint", 4),
        records[4],
        ("checkpoint", 5),
    ]
    made, _ = loop(Stop(iterations=4), every=2)
    made.run(Interrupt())
    assert made.store.all()[-1].meta["final"]["iteration"] == 4


def test_checkpoints_come_by_env_steps_where_they_are_given(loop: Any) -> None:
    made, _ = loop(Stop(iterations=9), every=1, every_env_steps=35)
    made.run(Interrupt())
    assert saved(made) == [4, 7, 9]  # At 40 and 70 of ten steps each, and the last.


def test_a_complete_curriculum_ends_it_where_that_is_asked_for(loop: Any) -> None:
    for stops, iterations in ((True, 3), (False, 5)):
        made, _ = loop(Stop(iterations=5))
        teacher = SimpleNamespace(complete=False)
        made.trainable.curriculum = SimpleNamespace(teacher=teacher)
        made.trainable.run.curriculum.stop_when_complete = stops
        made.trainable.before_step = lambda i, teacher=teacher: setattr(teacher, "complete", i == 3)
        ending = made.run(Interrupt())
        assert made.trainable.iteration == iterations and ending.status == "done"
        assert ("curriculum is complete" in ending.reason) == stops


@pytest.mark.parametrize("during", [0, 1, 3])
def test_an_interrupt_ends_it_after_the_iteration_it_came_in(loop: Any, during: int) -> None:
    made, listener = loop(Stop(iterations=9), evaluations=[1.0])
    interrupt = Interrupt()
    if during == 0:
        interrupt.name = "SIGINT"
    made.trainable.before_step = lambda i: setattr(interrupt, "name", "SIGTERM") if i == during else None
    ending = made.run(interrupt)
    assert ending.status == "stopped" and ending.reason in ("SIGINT", "SIGTERM")
    assert saved(made) == ([during] if during else [])
    assert made.trainable.evaluations == [1.0], "an interrupted run does not evaluate first"


def test_an_interrupt_during_a_save_does_not_cost_another_iteration(loop: Any) -> None:
    made, listener = loop(Stop(iterations=9), every=1)
    interrupt = Interrupt()
    listener.on_checkpoint = lambda path, record: setattr(interrupt, "name", "SIGINT")
    assert made.run(interrupt).reason == "SIGINT" and made.trainable.iteration == 1
    assert saved(made) == [1]


def test_the_end_is_evaluated_and_the_score_is_the_checkpoints(loop: Any) -> None:
    made, _ = loop(Stop(iterations=2), evaluations=[7.0], best_by="eval/return_mean")
    made.run(Interrupt())
    assert (
        resolve(made.store.folder / "best")[0].score == 7.0
        and made.progress.summary()["eval_return_mean"] == 7.0
    )


def test_an_evaluation_that_fails_at_the_end_does_not_cost_the_training(loop: Any) -> None:
    made, listener = loop(Stop(iterations=2), evaluations=[float("nan")])
    with pytest.raises(ValueError, match="evaluation is broken"):
        made.run(Interrupt())
    assert saved(made) == [2] and listener.told[-1] == ("record", 2)


def test_a_listener_that_fails_does_not_cost_the_training(loop: Any) -> None:
    made, _ = loop(Stop(iterations=9), listeners=[Listener(), Listener(breaks_at=3)])
    with pytest.raises(ValueError, match="listener is broken"):
        made.run(Interrupt())
    assert saved(made) == [3]


def test_a_step_that_fails_half_way_is_not_saved(loop: Any) -> None:
    made, _ = loop(Stop(iterations=9), every=2)

    def fail(iteration: int) -> None:
        if iteration == 4:
            raise ValueError("step is broken")

    made.trainable.before_step = fail
    with pytest.raises(ValueError, match="step is broken"):
        made.run(Interrupt())
    assert saved(made) == [2], "neither the half step, nor the third on what may be half a state"


def test_what_the_metrics_file_never_had_is_not_saved(loop: Any) -> None:
    made, _ = loop(Stop(iterations=9), listeners=[Listener(breaks_at=3)])
    with pytest.raises(ValueError, match="listener is broken"):
        made.run(Interrupt())
    assert saved(made) == []


def test_a_resumed_run_remembers_best_plateau_and_end(loop: Any) -> None:
    stop = Stop(iterations=3, plateau=Plateau(metric="train/return_mean", patience=5))
    made, _ = loop(stop, returns=[9.0, 8.0, 8.0], best_by="train/return_mean", every=1)
    made.run(Interrupt())
    meta = resolve(made.store.folder)[0].meta
    again, _ = loop(Stop(iterations=9, plateau=stop.plateau), returns=[0.0] * 9, progress=Progress(**meta))
    again.trainable.iteration = 3
    ending = again.run(Interrupt())
    assert "has not improved for 5 reports" in ending.reason and again.trainable.iteration == 6
    assert again.progress.best["return_mean"] == 9.0 and again._best_score == 9.0
    over, _ = loop(stop, progress=Progress(**meta))
    assert over.run(Interrupt()).status == "done" and over.trainable.iteration == 0


def test_12_a_metric_of_a_kind_that_is_reported_must_be_there(loop: Any) -> None:
    made, listener = loop(Stop(iterations=9, metric={"train/retrun_mean": 5}), returns=[1.0])
    with pytest.raises(
        RunFailedError, match=r"stop.metric.train/retrun_mean[\s\S]*did you mean: train/return_mean"
    ):
        made.run(Interrupt())
    assert listener.told == [("record", 1)]


def test_12_what_may_come_later_is_waited_for_and_told_if_it_never_came(loop: Any) -> None:
    wanted = {"eval/return_mean": 5, "learner/lr": 5, "custom/success_mean": 5, "train/return_mean": 5}
    made, _ = loop(Stop(iterations=2, metric=wanted))
    made.run(Interrupt())
    assert set(made.unseen) == set(wanted)


def test_only_a_metric_of_ones_own_for_the_best_checkpoint_is_waited_for(loop: Any) -> None:
    """The training return comes with the first episode that ends, and nothing can be done about it before."""
    for best_by, awaited in (
        ("train/return_mean", {}),
        ("custom/pace_mean", {"custom/pace_mean": "checkpoint.best_by"}),
        (None, {}),
    ):
        made, _ = loop(Stop(iterations=1), best_by=best_by)
        assert made.unseen == awaited
