"""Numbers, names and flags that cannot be meant: refused before anything is made, with what to write."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from changing import refusal

from rlexp.base.errors import ConfigError
from rlexp.base.run_names import check_name
from rlexp.base.yaml.plain_values import refuse_unusable
from rlexp.cli.main import main
from rlexp.config import saved_config
from rlexp.config.composition.override_syntax import parse
from rlexp.config.secrets import looks_secret
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.settings import to_settings
from rlexp.sweep.space.space_of_overrides import space_of

DEEP = "[" * 800 + "]" * 800

REFUSED: list[tuple[list[str], list[str]]] = [
    ([f"env.config={{a: {DEEP}}}"], ["nested more than 50 deep"]),
    (["env.config.a=" + "9" * 5000], ["cannot be read"]),
    (["env.config={1: 2}"], ["env.config: the key 1 is no text"]),
    (["env.config={true: 2}"], ["env.config: the key true is no text"]),
    (["seed=99999999999999999999999999"], ["more than 64 bits"]),
    (["algorithm.train_batch_size_per_learner=1e18"], ["EiB of memory", "this machine lets the run use"]),
    (
        ["hardware.num_envs_per_env_runner=100000000000"],
        ["TiB of memory", "hardware.num_envs_per_env_runner=1"],
    ),
    (
        ["hardware.num_envs_per_env_runner=100000000", "hardware.gym_env_vectorize_mode=async"],
        ["PiB of memory"],
    ),
    (["model.fcnet_hiddens=[1000000000,1000000000]"], ["EiB of memory", "model.fcnet_hiddens"]),
    (["algorithm.num_epochs=1000000000000"], ["years for the updates of one batch", "algorithm.num_epochs="]),
    (["evaluation.evaluation_duration=1000000000000"], ["days for one evaluation"]),
    (["hardware.torch_threads=1000000000"], ["hardware.torch_threads must be"]),
    (["hardware.sample_timeout_s=1e300"], ["hardware.sample_timeout_s must be"]),
    (["-m", "seed=range(0,1000000000)"], ["1,000,000,000 trials"]),
    (["-m", "seed=range(0,10,0)"], ["in steps of 0", "has no end"]),
    (["-m", "seed=range(0,inf)"], ["has no end"]),
    (["-m", "seed=range(0,1000)", "algorithm.lr=range(1,1001)"], ["seed x algorithm.lr", "1,000,000 trials"]),
    (["-m", "seed=0,1", "sweep.concurrency=0"], ["at least 1", "sweep.concurrency=1"]),
    (["-m", "seed=0,1", "sweep.concurrency=-1"], ["at least 1"]),
    (["-m", "seed=0,1", "sweep.wall_s=nan"], ["nan is no number"]),
    (["-m", "seed=0,1", "sweep.seed=-1"], ["sweep.seed must be"]),
    (["-m", "env.config.a=0,1", "sweep=random", "sweep.trials=1000000000"], ["at most 100,000 trials"]),
    (["-m"], ["nothing to sweep"]),
    (["-m", "env=cartpole", "tracking=none"], ["nothing to sweep", "leave -m out"]),
    (["-m", "seed=0,1", "sweep.name=../x"], ["sweep.name='../x' is not a folder's name", "sweep.name=x"]),
    (["-m", "seed=0,1", "sweep.name=" + "x" * 300], ["has 300 bytes, and at most 200 fit"]),
    (["name=" + "x" * 300], ["has 300 bytes", "write: name=xxxx"]),
    (["name='~/x'"], ["the ~ at its beginning", "write: name=x"]),
    (["name=-x"], ["the - at its beginning", "write: name=x"]),
    (["name=''"], ["it is empty"]),
    (["runs_dir="], ["runs_dir: is empty", "runs_dir=<folder>"]),
    (["--config-name="], ["--config-name is empty"]),
    (["-cd", ""], ["--config-dir is empty"]),
    (["init", ""], ["'' is no folder's name"]),
    (["resume", ""], ["takes one path"]),
    (["evaluate", ""], ["takes one path"]),
]
QUICK = ("every_s", "init", "resume", "evaluate", "--config-name=", "-cd", "name=''")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        pytest.param(argv, says, id=" ".join(argv)[:60], marks=() if argv[0] in QUICK else pytest.mark.slow)
        for argv, says in REFUSED
    ],
)
def test_what_cannot_be_meant_is_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    says: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rlexp.run.train.train", lambda *_, **__: pytest.fail("this would train"))
    monkeypatch.setattr(
        "rlexp.cli.multirun.start_sweep", lambda *_, **__: pytest.fail("this would start a sweep")
    )
    assert main(argv) == 2
    told = capsys.readouterr().err
    assert all(words in told for words in says), told
    assert "Traceback" not in told and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed=range(0,1000000000)", "1,000,000,000 trials"),
        ("seed=range(0,10,0)", "has no end"),
        ("seed=range(0,inf)", "has no end"),
        ("seed=range(nan,3)", "has no end"),
        ("seed=tag(int,interval(0,1e30))", "beyond 64 bits"),
    ],
)
def test_a_range_without_an_end_is_not_listed(text: str, says: str) -> None:
    before = time.process_time()
    with pytest.raises(ConfigError, match=says):
        space_of([parse(text)])
    assert time.process_time() - before < 1.0


@pytest.mark.parametrize(
    "settings",
    [{"concurrency": 0}, {"concurrency": -1}, {"wall_s": float("nan")}, {"wall_s": 0.0}, {"seed": 2**32}],
)
def test_settings_of_a_sweep_are_in_their_range(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"sweep.{next(iter(settings))}"):
        to_settings(settings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("algorithm.train_batch_size_per_learner", 10**18),
        ("env.config", {1: 2}),
        ("env.config", {True: 2}),
        ("algorithm.lr", float("nan")),
        ("callbacks.progress.every_s", float("nan")),
        ("seed", 10**400),
        ("name", "caf\udce9"),
        ("model.fcnet_hiddens", [[[[[]]]]]),
    ],
)
def test_the_plain_config_says_so_of_any_key(plain: dict[str, object], key: str, value: object) -> None:
    if key.startswith("algorithm.train"):
        pytest.skip("a matter of the machine's memory")
    assert key.partition(".")[0] in str(refusal(plain, key, value))


def test_a_config_is_bounded_in_size_and_depth() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ConfigError, match="nested more than"):
        refuse_unusable({"env": {"config": {"a": deep}}})
    with pytest.raises(ConfigError, match="too many"):
        refuse_unusable({"env": {"config": {"a": [0] * 30_000}}})
    refuse_unusable({"env": {"config": {"a": {1: [float("nan")]}, "b": float("inf")}}})


@pytest.mark.parametrize("name", ["a", "a/b", "ppo-cartpole-s0", "lr=0.1,x", "Größe", "a b", "x" * 200])
def test_names_that_are_folders(name: str) -> None:
    check_name("name", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "..",
        "../x",
        "a/../x",
        "/x",
        "a//b",
        "a\nb",
        "-x",
        "~/x",
        "~x",
        ".x",
        "a\\b",
        "x" * 201,
        " a",
        "a\x1b[1m",
        "a/",
    ],
)
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        check_name("name", name)
    fix = str(refused.value.fix).removeprefix("name=")
    check_name("name", fix)
    with pytest.raises(ConfigError):
        RunFolder.create(tmp_path, name)
    assert not list(tmp_path.iterdir())


def test_list_groups_are_chosen_anew_on_a_saved_run() -> None:
    changes = saved_config.Changes(["callbacks=[video]", "tracking=[wandb,tensorboard]"])
    assert changes.choices == {"callbacks": ["video"], "tracking": ["wandb", "tensorboard"]}
    after = changes.on({"callbacks": {"progress": {}}, "tracking": {}, "checkpoint": {}})
    assert list(after["callbacks"]) == ["video"] and list(after["tracking"]) == ["wandb", "tensorboard"]
    assert saved_config.Changes(["callbacks=none"]).choices == {"callbacks": "none"}


def test_a_secret_is_no_environment_variable_of_the_config(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert looks_secret("PGPASSWORD")
    assert main(["hardware.env_vars={PGPASSWORD: hunter2}"]) == 2
    assert "would be written to the run folder" in capsys.readouterr().err
