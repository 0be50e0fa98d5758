"""Schedulers on real trials: poor ones end early, and clones go on with their donor's state and their own values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import records
from processes import BATCH, CARTPOLE, run, trials

from rlexp.sweep.execution.trial_run import TrialRun
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.trials.trial_task import TrialTask

BUDGET = 18 * BATCH
SWEEP = ("-m", *CARTPOLE, "callbacks=none", "sweep.name=a", f"stop.env_steps={BUDGET}", "sweep.concurrency=1")
RATE = "algorithm.lr=choice(0.01,1e-9,1e-9,1e-9)"

pytestmark = pytest.mark.slow


def test_asha_ends_poor_trials_early_and_does_not_run_them_again(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    words = (*SWEEP, "sweep=asha", "sweep.search=grid", "sweep.trials=null", RATE)
    code, text = run(*words, folder=tmp_path)
    assert code == 0, text
    first, *others = trials(folder).values()
    assert (first["status"], first["env_steps"]) == ("done", BUDGET)
    # A rung is a ninth of the budget; what is no better than the best third of those before ends there.
    assert {(trial["status"], trial["env_steps"]) for trial in others} == {("pruned", BUDGET // 9)}
    before = {name: records(folder / "trials" / name) for name in trials(folder)}
    code, text = run("resume", "sweeps/a", folder=tmp_path)
    assert code == 0, text
    assert before == {name: records(folder / "trials" / name) for name in trials(folder)}


def test_asha_prunes_where_evaluations_would_come_after_its_rungs(tmp_path: Path) -> None:
    words = (*SWEEP, "sweep=asha", "sweep.search=grid", "sweep.trials=null", RATE)
    seldom = ("evaluation=default", "evaluation.evaluation_interval=1000", "evaluation.evaluation_duration=1")
    code, text = run(*words, *seldom, folder=tmp_path)
    assert code == 0, text
    folder = tmp_path / "sweeps" / "a"
    first, *others = trials(folder).values()
    assert (first["status"], first["env_steps"]) == ("done", BUDGET)
    ended = {(trial["status"], trial["env_steps"]) for trial in others}
    # As good a score as the first one's is possible by luck: an untrained policy's episode may be the longer one.
    assert ("pruned", BUDGET // 9) in ended
    rows = [
        row for row in records(folder / "trials" / next(iter(trials(folder)))) if "eval/return_mean" in row
    ]
    assert [row["env_steps"] for row in rows] == [BUDGET // 9, BUDGET // 3, BUDGET]


def test_a_scheduler_that_goes_on_knows_what_was_reported_before(tmp_path: Path) -> None:
    """The good trial is over when the poor ones begin; without its results the first of them would be the best."""
    folder = tmp_path / "sweeps" / "a"
    words = (
        *SWEEP,
        "sweep=asha",
        "sweep.search=random",
        "sweep.trials=1",
        "algorithm.lr=choice(0.01)",
        "sweep.seed=1",
    )
    code, text = run(*words, "seed=range(100)", folder=tmp_path)
    assert code == 0 and [t["status"] for t in trials(folder).values()] == ["done"], text
    plan = folder / "trials.jsonl"
    line = json.loads(plan.read_text())
    line["name"], line["config"]["algorithm"]["lr"] = "001-poor", 1e-9
    plan.write_text(plan.read_text() + json.dumps(line) + "\n")
    code, text = run("resume", "sweeps/a", folder=tmp_path)
    assert code == 0, text
    assert (trials(folder)["001-poor"]["status"], trials(folder)["001-poor"]["env_steps"]) == (
        "pruned",
        BUDGET // 9,
    )


@pytest.mark.parametrize("population", ["pbt", "pb2"])
def test_a_population_perturbs_trials_that_go_on_from_others(tmp_path: Path, population: str) -> None:
    """22 and 23: with one checkpoint kept, and with the values that are logged afterwards."""
    folder = tmp_path / "sweeps" / "a"
    words = (*SWEEP, f"sweep={population}", "sweep.trials=2", "algorithm.lr=tag(log,interval(1e-7,1e-1))")
    code, text = run(
        *words,
        "sweep.concurrency=null",
        "checkpoint.keep=1",
        "sweep.scheduler.quantile=0.5",
        f"sweep.scheduler.perturb_steps={6 * BATCH}",
        folder=tmp_path,
    )
    assert code == 0, text
    rows = {name: records(folder / "trials" / name) for name in trials(folder)}
    for name, lines in rows.items():
        assert [line["env_steps"] for line in lines] == list(range(BATCH, BUDGET + 1, BATCH)), name
    took = [name for name in rows if "took over" in (folder / "trials" / name / "log.txt").read_text()]
    assert took, "somebody went on from the other's state"
    for name in took:
        rates = [line["learner/lr"] for line in rows[name]]
        assert len(set(rates)) > 1 and trials(folder)[name]["varied"]["algorithm.lr"] == f"{rates[-1]:.6g}"


def test_a_clone_learns_with_its_own_step_size_from_its_donors_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    code, text = run(*SWEEP, "algorithm.lr=0.01,0.001", folder=tmp_path)
    assert code == 0, text
    folder = SweepFolder(tmp_path / "sweeps" / "a")
    clone, donor = folder.frozen.all()
    task = TrialTask(
        str(folder.path),
        clone.name,
        "train/return_mean",
        (f"stop.env_steps={2 * BUDGET}",),
        values={"algorithm.lr": 0.005},
    )
    trial = TrialRun(task, clone)
    try:
        trial.take_over(folder.trials / donor.name / "checkpoints" / "latest", donor.name)
        trainable = trial._lifecycle.trainable
        learner = trainable.algorithm.learner_group._learner

        def rates() -> list[float]:
            return [g["lr"] for o in learner._named_optimizers.values() for g in o.param_groups]

        assert rates() == [0.005]
        assert trainable.counters.env_steps == BUDGET
        assert trial.report()["env_steps"] == BUDGET + BATCH
        assert rates() == [0.005]
    finally:
        trial.end()
