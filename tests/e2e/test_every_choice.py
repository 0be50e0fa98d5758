"""Every YAML that is shipped: commented, composed, and built into a run that RLlib accepts."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from harness import CONF, choices, cli, tiny, train_tiny

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.cli.config_catalogue import describe
from rlexp.config.schema import RunConfig
from rlexp.hardware.machine.gpus import usable_gpus

FILES = sorted(CONF.rglob("*.yaml"))
DATA = ["data=recorded", "data.input_=recordings"]
OFFLINE = ("bc", "marwil", "cql", "iql")
CONTINUOUS_ENVS = ("pendulum", "bipedal", "point_mass")
CONTINUOUS_ONLY = ("tqc", "cql", "iql")
DISCRETE_ONLY = ("dqn",)
IMAGE = ["env=minigrid", "env.config.flat=false", "env.config.direction=false"]
NEEDS = {
    "env=gym": ["env.id=Acrobot-v1"],
    "model=cnn": IMAGE,
    "model=custom": [
        "model.module_class=rlexp.models.separate.SeparateActorCritic",
        "+model.module_config.hiddens=[8]",
    ],
    "model=plain_critics": ["algorithm=sac", "env=pendulum"],
    "model=droq": ["algorithm=sac", "env=pendulum"],
    "exploration=epsilon_greedy": ["algorithm=dqn"],
    "data=recorded": ["algorithm=bc", "data.input_=recordings"],
    "hardware=cluster": ["hardware.num_env_runners=8"],
}
"""What a choice needs beside it."""
GROUPS = (
    "algorithm",
    "env",
    "model",
    "exploration",
    "hardware",
    "callbacks",
    "evaluation",
    "tracking",
    "data",
    "debug",
)


def needs(choice: str) -> list[str]:
    group, _, name = choice.partition("=")
    if group == "algorithm":
        return [*(DATA if name in OFFLINE else []), *(["env=pendulum"] if name in CONTINUOUS_ONLY else [])]
    return NEEDS.get(choice, [])


def build(config: RunConfig) -> Any:
    from rlexp.run.building.prepare import prepare

    return prepare(config).algorithm_config


@cache
def compose(*overrides: str) -> RunConfig:
    """Composing takes most of the time of these tests; no test changes what it gets."""
    return rlexp.compose(list(overrides))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(CONF).as_posix())
def test_every_file_and_key_says_what_it_is(file: Path) -> None:
    assert re.match(r"[A-Z0-9].*\.", describe(file)) or file.name == "config.yaml"
    held_by = ""
    for line in file.read_text().splitlines():
        key = re.match(r"( *)(?:- )?([\w/@ ]+):(.*)$", line)
        if line.startswith("#") or key is None or key[2].strip() in ("defaults", "hydra"):
            held_by = line if line.startswith(("defaults:", "hydra:")) else held_by
            continue
        if not key[1] and not line.startswith("  "):
            held_by = ""
        is_wiring = held_by or not key[3].strip()
        assert is_wiring or " # " in key[3], f"{file.relative_to(CONF)}: no comment: {line}"


@pytest.mark.parametrize("choice", [f"{group}={name}" for group in GROUPS for name in choices(group)])
def test_every_choice_composes(choice: str) -> None:
    if len(usable_gpus()) < {"hardware=gpu": 1, "hardware=multi_gpu": 2}.get(choice, 0):
        with pytest.raises(ConfigError, match="GPU"):
            compose(choice)
        return
    config = compose(choice, *needs(choice))
    group, _, name = choice.partition("=")
    assert name in config.choices[group]


@pytest.mark.slow
@pytest.mark.landing
@pytest.mark.parametrize(
    "choice",
    [
        f"{group}={name}"
        for group in GROUPS
        for name in choices(group)
        if group not in ("env", "algorithm", "hardware")
    ],
)
def test_every_choice_builds(choice: str) -> None:
    hardware = compose("hardware=local").hardware
    assert build(replace(compose(choice, *needs(choice)), hardware=hardware)).seed == 0


@pytest.mark.slow
@pytest.mark.landing
@pytest.mark.parametrize("pair", choices("tuned"))
def test_every_tuned_pair_is_chosen_by_itself_and_builds(pair: str) -> None:
    if pair == "none":
        plain, tuned = compose("tuned=none"), compose()
        assert plain.stop.env_steps == 100_000 != tuned.stop.env_steps
        return
    algorithm, _, env = pair.partition("-")
    config = compose("hardware=local", f"algorithm={algorithm}", f"env={env}", *needs(f"env={env}"))
    assert config.choices["tuned"] == pair
    assert build(config).algo_class is not None


def fits(algorithm: str, env: str) -> bool:
    if algorithm == "dreamerv3" and env in ("atari", "envpool"):
        return False  # RLlib's reads images of 64x64 with three channels alone
    return algorithm not in (DISCRETE_ONLY if env in CONTINUOUS_ENVS else CONTINUOUS_ONLY)


@pytest.mark.slow
@pytest.mark.parametrize("env", choices("env"))
@pytest.mark.parametrize("algorithm", choices("algorithm"))
def test_every_algorithm_with_every_env(algorithm: str, env: str) -> None:
    """Put together from parts composed once, so without what is tuned for the pair."""
    learner = compose(
        "hardware=local", "callbacks=none", f"algorithm={algorithm}", *needs(f"algorithm={algorithm}")
    )
    config = replace(learner, env=compose(f"env={env}", *needs(f"env={env}")).env)
    if fits(algorithm, env):
        assert build(config).env_config["id"] == config.env.id
    else:
        with pytest.raises(ConfigError, match="action|images of 64x64"):
            build(config)


@pytest.mark.slow
@pytest.mark.landing
@pytest.mark.parametrize("model", ["auto", "mlp", "cnn", "lstm"])
@pytest.mark.parametrize("observation", ["vector", "image"])
def test_every_model_with_either_observation(model: str, observation: str) -> None:
    env = IMAGE if observation == "image" else ["env=cartpole"]
    config = compose("hardware=local", f"model={model}", *env)
    if (model, observation) in (("mlp", "image"), ("cnn", "vector")):
        with pytest.raises(ConfigError, match="model"):
            build(config)
    else:
        assert build(config).rl_module_spec is not None


@pytest.mark.parametrize("hardware", choices("hardware"))
def test_every_hardware_builds_where_there_is_enough(hardware: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlexp.hardware.machine import machine
    from rlexp.run.building import prepare as preparing

    big = machine.Machine(cores=32, memory_bytes=1 << 36, gpus=("one", "two"))
    monkeypatch.setattr(machine, "inspect_machine", lambda: big)
    monkeypatch.setattr(preparing, "inspect_machine", lambda: big)
    # A cluster would be joined first, which tests/hardware does.
    config = compose(f"hardware={hardware}", "hardware.address=local")
    built = build(config)
    assert built.num_env_runners is not None and built.num_envs_per_env_runner >= 1
    assert built.num_gpus_per_learner == (0 if hardware in ("local", "laptop") else 1)


@pytest.mark.skipif(bool(usable_gpus()), reason="this machine has GPUs")
def test_hardware_that_is_not_there_is_refused_by_the_command(tmp_path: Path) -> None:
    done = cli("hardware=multi_gpu", cwd=tmp_path)
    assert done.returncode == 2 and "GPU" in done.stderr and "hardware" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("experiment", choices("experiment"))
def test_every_experiment_runs_tiny(experiment: str, tmp_path: Path) -> None:
    outcome = train_tiny([f"experiment={experiment}"], tmp_path)
    assert outcome.status == "done" and outcome.summary["iterations"] == 2


@pytest.mark.parametrize(
    "overrides",
    [
        ["algorithm=ppo", *IMAGE],
        ["algorithm=sac", "env=pendulum"],  # with layers tuned for the pair
        ["algorithm=ppo", "model=lstm"],
        ["algorithm=dreamerv3"],
    ],
    ids=" ".join,
)
def test_tiny_makes_any_network_small(overrides: list[str]) -> None:
    from rlexp.environment.probe import probe

    config = tiny(*overrides)
    spaces = probe(config.env, config.trusted)
    spec = build(config).get_multi_rl_module_spec(
        spaces={"default_policy": (spaces.observation_space, spaces.action_space)}
    )
    assert sum(p.numel() for p in spec.build()["default_policy"].parameters()) < 20_000


def test_tiny_with_a_module_of_ones_own_takes_its_lab_s_word(tmp_path: Path) -> None:
    custom = ["debug=tiny", "hardware=local", "model=custom", *NEEDS["model=custom"][:1]]
    assert rlexp.compose(custom).model.module_config == {}
    (tmp_path / "debug" / "model").mkdir(parents=True)
    small = "# @package _global_\nmodel: {module_config: {hiddens: [3]}}\n"
    (tmp_path / "debug" / "model" / "tiny-custom.yaml").write_text(small)
    assert rlexp.compose(custom, config_dir=tmp_path).model.module_config == {"hiddens": [3]}


@pytest.mark.parametrize("choice", ["model=custom", "algorithm=dreamerv3"])
def test_a_size_that_sizes_nothing_is_refused(choice: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.size=tiny has no effect"):
        compose(choice, "model.size=tiny" if choice != "model=custom" else "+model.size=tiny", *needs(choice))


def test_tiny_leaves_evaluation_off_and_local_keeps_one_process() -> None:
    assert tiny("evaluation=none").evaluation.settings["evaluation_interval"] is None
    config = compose("debug=local", "evaluation.evaluation_num_env_runners=0")
    assert config.hardware.settings["num_env_runners"] == 0
    assert config.evaluation.settings["evaluation_num_env_runners"] == 0
