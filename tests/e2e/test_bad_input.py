"""Bad input: exit 2, one message with the key, the nearest right one and what to write; nothing left behind.

Most go through `main` in this process; a few through the real command, to see what a person sees.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import gymnasium
import pytest
from harness import cli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wrong_overrides import EARLY

from rlexp.cli.main import main
from rlexp.config.known_keys import valid_keys

PPO = "ray.rllib.algorithms.ppo.PPOConfig"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one message of a command that ends with exit code 2 and leaves nothing behind."""
    assert main(list(argv)) == 2
    told = capsys.readouterr()
    assert told.err.startswith("error: ") and told.err.count("\nerror: ") == 0
    assert "Traceback" not in told.err and "+" + argv[0].lstrip("+") not in told.err
    assert not list(Path("runs").glob("*")), "a refused run leaves no folder"
    return told.err


@pytest.mark.parametrize(("overrides", "says"), EARLY, ids=[overrides for overrides, _ in EARLY])
def test_told_without_rllib(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, overrides: str, says: list[str]
) -> None:
    monkeypatch.setattr("rlexp.run.train.train", lambda *_, **__: pytest.fail("this would train"))
    monkeypatch.delitem(gymnasium.registry, "ALE/Pong-v5", raising=False)  # another test may have imported it
    told = refused(capsys, *(overrides.split(" ") if "=${" not in overrides else [overrides]))
    for words in says:
        assert words in told


# What only the environment or RLlib can tell; nothing is trained, and the folder is taken away again.
LATE: list[tuple[str, list[str]]] = [
    ("env.config.gravty=1", ["env.config.gravty", "takes no such argument"]),
    ("env=pendulum env.config={g:text}", ["env", "Pendulum-v1"]),
    ("env=gym env.id=envs.testing.NoSuchEnv", ["envs.testing has no NoSuchEnv"]),
    ("algorithm=dqn env=pendulum", ["dqn", "action", "algorithm="]),
    ("model=cnn", ["reads images", "write: model=mlp"]),
    ("env.wrappers=[{_target_:gymnasium.wrappers.TimeLimit,max_steps:3}]", ["max_episode_steps"]),
    ("stop.metric={custom/nope_mean:1}", ["nothing in this run logs the metric custom/nope_mean"]),
    ("exploration=epsilon_greedy", ["PPO has no epsilon", "algorithm=dqn"]),
]


@pytest.mark.parametrize(("overrides", "says"), LATE, ids=[overrides for overrides, _ in LATE])
def test_told_before_training(capsys: pytest.CaptureFixture[str], overrides: str, says: list[str]) -> None:
    before = _ray_runs()
    told = refused(capsys, *overrides.split(" "), "tracking=none", "callbacks=none", "stop.env_steps=1")
    for words in says:
        assert words.lower() in told.lower()
    assert _ray_runs() == before


def _ray_runs() -> bool:
    """Whether this process has Ray running; another test may have started it."""
    ray = sys.modules.get("ray")
    return ray is not None and ray.is_initialized()


def test_an_environment_whose_constructor_raises(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_lab.py").write_text(
        "import gymnasium\n"
        "class Maze(gymnasium.Env):\n"
        "    def __init__(self):\n"
        "        raise OSError('no map file')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    told = refused(
        capsys, "env=gym", "env.id=broken_lab.Maze", "trusted=[rlexp,ray.rllib,broken_lab,callbacks]"
    )
    assert "env.id: broken_lab.Maze cannot be made" in told and "no map file" in told


def test_all_problems_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, "algorithm.lrr=1", "seed=abc", "algorithm.gamma=2", "stop.env_step=1")
    for key in ("algorithm.lrr", "seed must be", "algorithm.gamma must be", "stop.env_step"):
        assert told.count(key) >= 1
    told = refused(capsys, "algoritm=ppo", "env=cartpol", "seed=[1")
    assert all(words in told for words in ("algorithm=ppo", "env=cartpole", "not closed"))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["trane"], ["'trane' is neither a command nor an override", "rlexp train"]),
        (["resum", "runs/x"], ["rlexp resume"]),
        (["cartpole"], ["write: rlexp env=cartpole"]),
        (["env=cartpole", "dqn"], ["'dqn' is no override: it has no =", "write: algorithm=dqn"]),
        (["--seed=3"], ["settings have no dashes", "write: seed=3"]),
        (["--confg-dir", "x"], ["there is no flag --confg-dir", "--config-dir"]),
        (["--config-dir", "nope"], ["--config-dir nope: no such folder"]),
        (["--config-dir"], ["--config-dir", "expected one argument"]),
        (["-cn", "confg"], ["there is no primary config confg", "--config-name config"]),
        (["--config-path", "x"], ["--config-dir adds a folder"]),
        (["--cfg", "jobb"], ["--cfg", "'job', 'hydra', 'all'"]),
        (["--cfg", "job", "--package", "nope"], ["nope"]),
        (["--resolve"], ["--resolve goes with --cfg"]),
        (["-sc", "install=tcsh"], ["no completion for the shell 'tcsh'"]),
        (["-m", "seed=0,x"], ["seed must be an integer, not 'x'", "(in seed=x)"]),
        (["-m", "seed=0,1", "name=a"], ["a sweep names its trials", "sweep.name=<name>"]),
        (["-m", "algorithm.lr=interval(0,1)"], ["interval", "choice(...)"]),
        (["resume"], ["rlexp resume needs a run folder"]),
        (["resume", "nope"], ["nope: no such folder"]),
        (["resume", "."], ["is no run folder"]),
        (["resume", "a", "b"], ["takes one path"]),
        (["resume", "--forse", "a"], ["there is no flag --forse"]),
        (["evaluate"], ["rlexp evaluate needs a run folder"]),
        (["evaluate", "nope"], ["nope"]),
        (["list", "algoritm"], ["rlexp list algorithm"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_commands_and_flags(capsys: pytest.CaptureFixture[str], argv: list[str], says: list[str]) -> None:
    told = refused(capsys, *argv)
    for words in says:
        assert words in told


@pytest.mark.parametrize("name", ["..", "../a", "/tmp/a"])
def test_a_name_that_is_no_folder(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert "name" in refused(capsys, f"name={name}")


def test_a_run_of_that_name_exists(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    (elsewhere / "runs" / "a").mkdir(parents=True)
    (elsewhere / "runs" / "a" / "manifest.json").write_text('{"name": "a", "status": "done"}')
    assert main(["name=a"]) == 2
    told = capsys.readouterr().err
    assert "runs/a" in told and "overwrite=true" in told
    assert (elsewhere / "runs" / "a" / "manifest.json").is_file()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_36_any_typing_error_is_refused_and_the_right_key_suggested(
    capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    """One edit in a random key of a random group, with a plus sign or without."""
    rng = random.Random(seed)
    keys = set(valid_keys(PPO))
    key = rng.choice(sorted(k for k in keys if "." in k and len(k.rpartition(".")[2]) > 4))
    wrong = _edited(key, rng)
    if wrong in keys or wrong.startswith(("callbacks.", "tracking.", "metrics.", "env.config.")):
        return
    told = refused(capsys, f"{rng.choice(['', '+', '++'])}{wrong}=1")
    assert wrong in told and key in told


def _edited(key: str, rng: random.Random) -> str:
    """The key with one letter of its last part left out, doubled, or swapped with the next."""
    group, _, name = key.rpartition(".")
    at = rng.randrange(1, len(name) - 1)
    edits = (name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:], _swapped(name, at))
    return f"{group}.{rng.choice(edits)}"


def _swapped(name: str, at: int) -> str:
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


@pytest.mark.parametrize(
    ("argv", "seconds"),
    [(["algorithm.lrr=1"], 1.5), (["env.id=CartPole-v9"], 1.5), (["algorithm=dqn", "env=pendulum"], 8.0)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_the_real_command(argv: list[str], seconds: float, elsewhere: Path) -> None:
    """The figures hold on an idle machine; here they are only kept from being forgotten."""
    done = cli(*argv, cwd=elsewhere, timeout=10 * seconds)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert not list((elsewhere / "runs").glob("*"))
