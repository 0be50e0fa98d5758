"""A run that was killed, interrupted, moved or damaged goes on exactly where its last checkpoint stood."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import BATCH, CARTPOLE, checkpoints, corridor, manifest, records, rlexp_child, run, summary

from rlexp.errors import ConfigError

LR = [[0, 1e-2], [4000, 1e-3]]
ENTROPY = [[0, 0.1], [4000, 0.0]]
SCHEDULES = (f"algorithm.lr={LR}", f"algorithm.entropy_coeff={ENTROPY}")

Trainables = Callable[..., Any]


def scheduled(schedule: list[list[float]], step: int) -> float:
    return float(np.interp(step, *zip(*schedule, strict=True)))


@pytest.fixture
def trainable() -> Iterator[Trainables]:
    """Builds trainables from overrides, and stops them."""
    from rlexp.config.compose import compose
    from rlexp.run.prepare import prepare
    from rlexp.run.trainable import RunTrainable

    made = []

    def build(*overrides: str) -> Any:
        made.append(RunTrainable(config={"prepared": prepare(compose(["callbacks=none", *overrides]))}))
        return made[-1]

    yield build
    for each in made:
        each.stop()


def learner(trainable: Any) -> Any:
    return trainable.algorithm.learner_group._learner


def plain(state: Any) -> Any:
    """A copy with tensors as arrays, so that nested states can be compared."""
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items()}
    if isinstance(state, (list, tuple)):
        return [plain(v) for v in state]
    return state.detach().cpu().numpy().copy() if hasattr(state, "detach") else state


def copied(one: Any, tmp_path: Path, other: Any) -> None:
    """`other` takes up what `one` saves."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    one.save_checkpoint(str(folder))
    other.load_checkpoint(str(folder))


def test_the_whole_learner_is_back(trainable: Trainables, tmp_path: Path) -> None:
    choice = (
        *CARTPOLE,
        *SCHEDULES,
        "algorithm.use_kl_loss=true",
        "algorithm.kl_target=1e-6",
        "algorithm.lambda_=0.9",
    )
    one, other = trainable(*choice), trainable(*choice)
    for _ in range(3):
        record = one.step()
    fresh = plain(learner(other).module["default_policy"].state_dict())
    copied(one, tmp_path, other)

    module, again = (plain(learner(t).module["default_policy"].state_dict()) for t in (one, other))
    assert module.keys() == again.keys() and any((fresh[name] != module[name]).any() for name in module)
    for name in module:
        np.testing.assert_array_equal(module[name], again[name])
    acting, acting_again = (plain(t.algorithm.env_runner.module.state_dict()) for t in (one, other))
    for name in acting:
        np.testing.assert_array_equal(acting[name], acting_again[name])
        np.testing.assert_array_equal(acting[name], module[name])

    optimisers = [next(iter(learner(t)._named_optimizers.values())).state_dict() for t in (one, other)]
    moments, moments_again = (plain(o["state"]) for o in optimisers)
    assert moments and any(np.abs(m["exp_avg"]).max() > 0 for m in moments.values())
    np.testing.assert_equal(moments, moments_again)

    steps = record["env_steps"]
    rates = [o["param_groups"][0]["lr"] for o in optimisers]
    assert rates[0] == rates[1] == pytest.approx(scheduled(LR, steps)) != LR[0][1]
    entropy = learner(other).entropy_coeff_schedulers_per_module["default_policy"].get_current_value()
    assert float(entropy) == pytest.approx(scheduled(ENTROPY, steps)) != ENTROPY[0][1]
    coefficients = [float(learner(t).curr_kl_coeffs_per_module["default_policy"]) for t in (one, other)]
    assert coefficients[0] == coefficients[1] != one.algorithm.config.kl_coeff

    later, later_again = one.step(), other.step()
    assert later["iteration"] == later_again["iteration"] == 4
    assert later["env_steps"] == later_again["env_steps"]
    assert (
        later["learner/lr"] == later_again["learner/lr"] == pytest.approx(scheduled(LR, later["env_steps"]))
    )
    assert later_again["perf/wall_s"] > record["perf/wall_s"]


def test_another_learning_rate_is_in_force_at_once(trainable: Trainables, tmp_path: Path) -> None:
    one = trainable(*CARTPOLE, "algorithm.lr=1e-3")
    one.step()
    for number, lr in enumerate((5e-5, [[0, 1e-4], [10**6, 1e-4]])):
        (tmp_path / str(number)).mkdir()
        other = trainable(*CARTPOLE, f"algorithm.lr={lr}")
        copied(one, tmp_path / str(number), other)
        optimiser = next(iter(learner(other)._named_optimizers.values()))
        wanted = lr if isinstance(lr, float) else 1e-4
        assert optimiser.param_groups[0]["lr"] == pytest.approx(wanted)
        assert other.step()["learner/lr"] == pytest.approx(wanted)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(wanted)


OFF_POLICY = (
    "tuned=none",
    "hardware=local",
    "hardware.num_envs_per_env_runner=1",
    "evaluation=none",
    "tracking=none",
    "model=mlp",
    "model.fcnet_hiddens=[8]",
    "stop.env_steps=10000000",
)


def test_dqns_epsilon_replay_and_target_go_on(trainable: Trainables, tmp_path: Path) -> None:
    choice = ("env=cartpole", "algorithm=dqn", *OFF_POLICY, "algorithm.target_network_update_freq=150")
    choice += ("reporting.min_sample_timesteps_per_iteration=100",)
    choice += ("algorithm.num_steps_sampled_before_learning_starts=50", "exploration=epsilon_greedy")
    choice += ("exploration.schedule=[[0, 1.0], [1000, 0.0]]",)
    one, other = trainable(*choice), trainable(*choice)
    for _ in range(3):
        record = one.step()
    copied(one, tmp_path, other)
    buffers = [t.algorithm.local_replay_buffer for t in (one, other)]
    assert buffers[0].get_num_timesteps() == buffers[1].get_num_timesteps() > 200
    moments = [dict(learner(t).last_update_ts_by_mid) for t in (one, other)]
    assert moments[0] == moments[1] and moments[0]["default_policy"] > 0
    target = [plain(learner(t).module["default_policy"].state_dict()) for t in (one, other)]
    assert any("target" in name for name in target[0])
    np.testing.assert_equal(*target)
    seen = [t.algorithm.env_runner.num_env_steps_sampled_lifetime for t in (one, other)]
    assert seen[0] == seen[1] == record["env_steps"]
    later, later_again = one.step(), other.step()
    assert later["env_steps"] == later_again["env_steps"] > record["env_steps"]
    epsilon = [
        float(t.algorithm.env_runner.module.epsilon_schedule.get_current_value()) for t in (one, other)
    ]
    assert epsilon[0] == epsilon[1] < 1 - record["env_steps"] / 1000 + 0.02


def test_sacs_temperature_goes_on(trainable: Trainables, tmp_path: Path) -> None:
    choice = ("env=pendulum", "algorithm=sac", *OFF_POLICY, "algorithm.train_batch_size_per_learner=16")
    choice += ("reporting.min_sample_timesteps_per_iteration=8",)
    choice += ("algorithm.num_steps_sampled_before_learning_starts=4",)
    one, other = trainable(*choice), trainable(*choice)
    first = float(learner(one).curr_log_alpha["default_policy"])
    for _ in range(2):
        one.step()
    alpha = float(learner(one).curr_log_alpha["default_policy"])
    assert alpha != first
    copied(one, tmp_path, other)
    again = learner(other).curr_log_alpha["default_policy"]
    assert float(again) == alpha and again.requires_grad
    other.step()
    assert float(learner(other).curr_log_alpha["default_policy"]) != alpha, "it must still be trained"


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Trains in this process, in `tmp_path/runs`."""
    import rlexp

    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))

    def start(*overrides: str) -> Any:
        return rlexp.train(rlexp.compose([*overrides, "callbacks=none", f"runs_dir={tmp_path / 'runs'}"]))

    return start


def test_24_a_split_run_counts_as_an_unsplit_one(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    choice = (*CARTPOLE, *SCHEDULES)
    whole = train(*choice, "stop.iterations=6", "name=whole")
    split = train(*choice, "stop.iterations=2", "name=split")
    for iterations in (4, 6):
        split = resume(split.folder, [f"stop.iterations={iterations}"])
    keys = ("env_steps", "iteration", "learner/lr", "learner/curr_entropy_coeff", "train/episodes")
    one, two = records(whole.folder), records(split.folder)
    assert [r["iteration"] for r in two] == [1, 2, 3, 4, 5, 6]
    for key in keys[:4]:
        assert [r[key] for r in one] == [r[key] for r in two], key
    assert one[-1]["learner/lr"] == pytest.approx(scheduled(LR, one[-1]["env_steps"]))
    assert summary(split.folder)["env_steps"] == one[-1]["env_steps"]
    assert [entry["from"] for entry in manifest(split.folder)["resumed"]] == [
        f"step_{two[1]['env_steps']}",
        f"step_{two[3]['env_steps']}",
    ]


def test_a_done_run_says_what_lets_it_go_on(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    done = train(*corridor(), "stop.iterations=1", "name=a", "stop.metric={train/return_mean: -100}")
    with pytest.raises(ConfigError, match=r"is done \(1 iterations\)[\s\S]*stop.iterations=2"):
        resume(done.folder)
    with pytest.raises(ConfigError, match=r"is done \(train/return_mean >= -100\)[\s\S]*stop.metric="):
        resume(done.folder, ["stop.iterations=5"])
    assert manifest(done.folder)["status"] == "done" and len(records(done.folder)) == 1
    for override, why in (
        ("env.id=Acrobot-v1", "checkpoint.from"),
        ("algorithm=dqn", "another algorithm"),
        ("model.fcnet_hiddens=[9]", "start a new run"),
        ("algorithm.lr=fast", "algorithm.lr"),
        ("stop.iteration=9", "stop.iterations"),
    ):
        with pytest.raises(ConfigError, match=why):
            resume(done.folder, [override])
    assert manifest(done.folder)["status"] == "done", "a refused resume changes nothing"


def test_a_moved_a_copied_and_a_damaged_run_go_on(
    train: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from rlexp.run.resume import resume

    made = train(*corridor(), "stop.iterations=3", "name=a").folder
    moved = tmp_path / "elsewhere" / "b"
    shutil.copytree(made, moved, symlinks=True)
    shutil.move(made, tmp_path / "moved")
    outcome = resume(moved, ["stop.iterations=4"])
    assert outcome.folder == moved and len(records(moved)) == 4
    assert len(records(tmp_path / "moved")) == 3, "the copy is a run of its own"

    newest = max((tmp_path / "moved" / "checkpoints").glob("step_*"), key=lambda p: int(p.name[5:]))
    weights = next(newest.rglob("module_state.*"))
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    capfd.readouterr()
    outcome = resume(tmp_path / "moved", ["stop.iterations=4"])
    told = capfd.readouterr()
    assert weights.name in told.err and newest.name in told.err and "was altered" in told.err
    assert f"resumed from step_{records(moved)[1]['env_steps']}" in told.out
    lines = records(tmp_path / "moved")
    assert [r["iteration"] for r in lines] == [1, 2, 3, 4]
    assert [r["env_steps"] for r in lines] == [r["env_steps"] for r in records(moved)]


@pytest.mark.slow
def test_an_lstm_run_goes_on(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    small = [word for word in corridor() if not word.startswith("model")]
    done = train(*small, "model=lstm", "model.lstm_cell_size=8", "stop.iterations=1", "name=a")
    assert resume(done.folder, ["stop.iterations=2"]).status == "done"


def steps_increase_by_whole_iterations(lines: list[dict[str, Any]]) -> None:
    assert [line["iteration"] for line in lines] == list(range(1, len(lines) + 1))
    gaps = np.diff([0, *[line["env_steps"] for line in lines]])
    assert (gaps == BATCH).all(), gaps


def test_killed_in_mid_run_and_resumed(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder, budget = tmp_path / "runs" / "a", 30 * BATCH
    choice = (*CARTPOLE, *SCHEDULES, f"stop.env_steps={budget}", "checkpoint.every=3", "name=a")
    with rlexp_child(*choice, "callbacks=none", folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 8)
        child.kill()
    before = records(folder)
    assert manifest(folder)["status"] == "running" and before[-1]["env_steps"] < budget
    saved = max(int(name[5:]) for name in checkpoints(folder) if name.startswith("step_"))
    lost = before[-1]["env_steps"] - saved
    assert lost < 4 * BATCH, "at most one checkpoint interval"

    start = time.perf_counter()
    with rlexp_child("resume", "runs/a", folder=tmp_path) as child:
        child.until(lambda: "resumed from" in child.text)
        record_property("seconds_to_resume", round(time.perf_counter() - start, 2))
        assert child.end() == 0, child.text
    record_property("lost_steps", lost)
    lines = records(folder)
    steps_increase_by_whole_iterations(lines)
    kept = [line for line in before if line["env_steps"] <= saved]
    assert lines[: len(kept)] == kept, "what was before the checkpoint stays"
    assert summary(folder)["env_steps"] == lines[-1]["env_steps"] == budget
    for line in lines:
        assert line["learner/lr"] == pytest.approx(scheduled(LR, line["env_steps"]))
    best = max(line["train/return_mean"] for line in lines if "train/return_mean" in line)
    assert summary(folder)["best_return_mean"] == pytest.approx(best)
    assert manifest(folder)["status"] == "done" and manifest(folder)["resumed"][0]["from"] == f"step_{saved}"


@pytest.mark.slow
def test_25_killed_before_its_first_checkpoint_a_run_starts_anew(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with rlexp_child(*corridor(), "checkpoint.every=null", "name=a", folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 2)
        child.kill()
    identity = manifest(folder)["run_id"]
    code, text = run("resume", "runs/a", "stop.iterations=3", folder=tmp_path)
    assert code == 0 and "before its first checkpoint: training starts from the beginning" in text
    assert [line["iteration"] for line in records(folder)] == [1, 2, 3]
    assert manifest(folder)["run_id"] != identity and not math.isnan(summary(folder)["wall_s"])


@pytest.mark.slow
def test_two_remote_runners_go_on_with_the_same_weights(tmp_path: Path) -> None:
    remote = (*CARTPOLE, *SCHEDULES, "hardware.num_env_runners=2", "callbacks=none", "name=a")
    remote += ("hardware.num_cpus_per_env_runner=0.5",)
    folder = tmp_path / "runs" / "a"
    assert run(*remote, "stop.iterations=3", folder=tmp_path)[0] == 0
    code, text = run("resume", "runs/a", "stop.iterations=6", folder=tmp_path)
    assert code == 0, text
    lines = records(folder)
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 6]
    for line in lines:
        assert line["learner/lr"] == pytest.approx(scheduled(LR, line["env_steps"]))
