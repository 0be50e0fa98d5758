"""`import rlexp`: what its docstring shows, policies that act, and runs that share nothing."""

from __future__ import annotations

import asyncio
import copy
import doctest
import inspect
import json
import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dictionary import Bag
from harness import CHECKOUT, records, tiny, train_tiny

import rlexp


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_examples(text: str, values: dict[str, Any]) -> None:
    """Runs the examples of a docstring; each value shown must come; what is printed beside it may vary."""
    examples = doctest.DocTestParser().get_examples(text)
    assert examples
    for example in examples:
        if example.want:
            assert repr(eval(example.source, values)) == example.want.strip(), example.source
        else:
            exec(example.source, values)


@pytest.mark.slow
@pytest.mark.landing
def test_the_examples_of_the_docstrings_run(here: Path) -> None:
    values: dict[str, Any] = {}
    run_examples(rlexp.__doc__ or "", values)
    assert values["env"].observation_space.contains(values["observation"])
    (here / "runs" / "first").rename(here / "runs" / "cartpole")
    for function in (rlexp.compose, rlexp.train, rlexp.make_env, rlexp.load, rlexp.multirun):
        run_examples(inspect.getdoc(function) or "", {"rlexp": rlexp})


def test_every_public_name_is_there_and_explained() -> None:
    for name in rlexp.__all__:
        assert inspect.getdoc(getattr(rlexp, name)), name
        assert name in dir(rlexp)
    verbs = (
        "compose",
        "train",
        "resume",
        "evaluate",
        "load",
        "make_env",
        "multirun",
        "resume_multirun",
        "trials",
    )
    for name in verbs:
        signature = inspect.signature(getattr(rlexp, name))
        assert signature.return_annotation is not inspect.Signature.empty, name
        assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values()), name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        rlexp.trian  # type: ignore[attr-defined] # noqa: B018


def test_importing_it_is_cheap() -> None:
    heavy = "[m for m in ('ray', 'torch', 'gymnasium', 'wandb', 'hydra', 'numpy') if m in sys.modules]"
    code = f"import sys, rlexp; rlexp.ConfigError; print({heavy})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


BAG = [
    "env=gym",
    "env.id=dictionary.Bag",
    "env.wrappers=[{_target_: gymnasium.wrappers.FlattenObservation}]",
    "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,dictionary]",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "shape"),
    [
        pytest.param(["env=cartpole"], (4,), marks=pytest.mark.landing),
        (["env=pendulum"], (3,)),
        pytest.param(["env=pendulum", "algorithm=sac"], (3,), marks=pytest.mark.landing),
        pytest.param(["env=cartpole", "model=lstm"], (4,), marks=pytest.mark.landing),
        (["env=frozenlake"], (16,)),  # a wrapper makes the tile's number a vector
        (BAG, (5,)),
    ],
    ids=["cartpole", "pendulum", "pendulum_sac", "lstm", "frozenlake", "dict"],
)
def test_a_policy_acts_in_the_runs_environment(
    overrides: list[str], shape: tuple[int, ...], here: Path
) -> None:
    outcome = train_tiny(overrides, here)
    trusted = [override for override in overrides if override.startswith("trusted=")]
    policy, env = rlexp.load(outcome.folder), rlexp.make_env(outcome.folder, trusted)
    assert policy.observation_space.shape == shape == env.observation_space.shape
    observation, _ = env.reset(seed=3)
    for _ in range(5):
        action = policy.act(observation)
        assert env.action_space.contains(action)
        observation, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            policy.reset()
            observation, _ = env.reset()
    env.close()


def test_the_best_and_the_latest(here: Path) -> None:
    outcome = train_tiny(
        ["stop.iterations=3", "checkpoint.every=1", "checkpoint.best_by=env_steps", "checkpoint.mode=min"],
        here,
    )
    steps = [int(record["env_steps"]) for record in records(outcome.folder)]
    assert rlexp.load(outcome.folder).step == steps[-1]
    assert rlexp.load(outcome.folder, which="best").step == steps[0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [(3, r"has shape \(\), the policy takes \(4,\)"), (np.zeros(5), r"has shape \(5,\)")],
)
def test_an_observation_of_another_environment_is_told(finished: Path, wrong: Any, told: str) -> None:
    policy = rlexp.load(finished)
    with pytest.raises(ValueError, match=told + r".*rlexp.make_env"):
        policy.act(wrong)
    assert policy.act([0.0, 0.1, 0.0, 0.1]) in (0, 1), "a list will do"


def test_a_dict_observation_of_another_kind_is_told() -> None:
    from rlexp.policy import fitting

    space = Bag().observation_space
    assert fitting({"a": [0, 0], "b": 2}, space)["a"].dtype == np.float32
    with pytest.raises(ValueError, match=r"takes a dict of \['a', 'b'\]"):
        fitting({"a": [0, 0]}, space)
    with pytest.raises(ValueError, match=r"the observation\['b'\] is 7"):
        fitting({"a": [0, 0], "b": 7}, space)


def test_an_environment_to_look_at(finished: Path) -> None:
    env = rlexp.make_env(tiny("env=frozenlake"), render_mode="ansi")
    env.reset(seed=0)
    assert "SFFF" in str(env.render()).replace("\x1b[41m", "").replace("\x1b[0m", "")
    with pytest.raises(rlexp.ConfigError, match="render_mode"):
        rlexp.make_env(tiny(*BAG), render_mode="human")
    with pytest.raises(rlexp.ConfigError, match="no such folder"):
        rlexp.make_env(finished / "nothing")
    with pytest.raises(rlexp.ConfigError, match="takes no overrides"):
        rlexp.make_env(tiny("env=cartpole"), ["env.max_episode_steps=3"])
    short = rlexp.make_env(finished, ["env.max_episode_steps=3"])
    short.reset(seed=0)
    assert [short.step(0)[3] for _ in range(3)] == [False, False, True]


def test_one_config_trains_twice_into_two_folders_and_stays_as_it_was(here: Path) -> None:
    config = tiny("env=cartpole", "seed=5")
    before = copy.deepcopy(config)
    first, second = rlexp.train(config), rlexp.train(config)
    assert config == before
    assert first.folder != second.folder
    returns = [[r.get("train/return_mean") for r in records(o.folder)] for o in (first, second)]
    assert returns[0] == returns[1], "the second run begins as the first did"
    counts = [[r["env_steps"] for r in records(o.folder)] for o in (first, second)]
    assert counts[0] == counts[1]
    ids = [json.loads((o.folder / "manifest.json").read_text())["run_id"] for o in (first, second)]
    assert ids[0] != ids[1]


def test_a_named_config_does_not_train_twice(here: Path) -> None:
    config = tiny("env=cartpole", "name=once", "stop.iterations=1")
    assert rlexp.train(config).folder == here / "runs" / "once"
    with pytest.raises(rlexp.ConfigError, match="once"):
        rlexp.train(config)


def test_names_of_the_same_second_are_told_apart(here: Path) -> None:
    from rlexp.run.train import default_name, free_name

    config = tiny("env=cartpole")
    for _ in range(3):
        (here / "runs" / free_name(config)).mkdir(parents=True)
    assert len(list((here / "runs").iterdir())) == 3
    assert default_name(config).startswith("ppo-cartpole-s0-")


def test_a_run_in_a_thread_beside_a_running_loop(here: Path) -> None:
    """As in a notebook server: an event loop runs, and the run is not in the main thread."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def notebook() -> tuple[rlexp.Outcome, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.02)
                ticks += 1

        beside = asyncio.create_task(tick())
        outcome = await asyncio.to_thread(rlexp.train, tiny("env=cartpole"))
        beside.cancel()
        return outcome, ticks

    outcome, ticks = asyncio.run(notebook())
    assert outcome.status == "done", outcome.error
    assert ticks > 3
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_run_inside_a_running_loop(here: Path) -> None:
    """As in a notebook's cell: the kernel's event loop is the caller."""

    async def cell() -> rlexp.Outcome:
        return rlexp.train(tiny("env=cartpole"))

    assert asyncio.run(cell()).status == "done"
    assert threading.active_count() < 20


def test_what_is_printed_names_the_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = rlexp.train(rlexp.compose(["hardware=local", "debug=tiny", "callbacks=progress", "name=seen"]))
    shown = capsys.readouterr().out
    assert "training seen" in shown and "2 / 2 iterations" in shown
    assert "WARNING" not in shown
    assert "status='done'" in repr(outcome) and "seen" in repr(outcome)


def test_a_failed_run_is_told_by_its_outcome(here: Path) -> None:
    broken = [
        "env=gym",
        "env.id=envs.testing.NotFinite",
        "env.config.at_step=40",
    ]  # later than it is tried out
    outcome = rlexp.train(tiny(*broken, "hardware.num_envs_per_env_runner=1"))
    assert outcome.status == "failed" and outcome.exit_code == 1
    assert outcome.error and (outcome.folder / "error.txt").is_file()


def test_a_librarys_handler_of_the_first_run_reaches_the_second_ones_log(tmp_path: Path) -> None:
    from rlexp.terminal.quiet import quiet

    logger = logging.getLogger("some.library")
    logger.propagate = False
    with quiet(tmp_path / "first.txt"):
        handler = logging.StreamHandler()
        logger.addHandler(handler)
        logger.warning("one")
    try:
        with quiet(tmp_path / "second.txt"):
            logger.warning("two")
    finally:
        logger.removeHandler(handler)
    assert (tmp_path / "first.txt").read_text().endswith("one\n")
    assert (tmp_path / "second.txt").read_text().endswith("two\n")
