"""A stranger's run folder or config folder runs nothing here (fault 37).

Each hostile thing would write a canary file if it ran.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from strangers import EVIL, ROUTES, SHELL, doctored, put

import rlexp
from rlexp.cli.main import main

pytestmark = pytest.mark.usefixtures("payload")


HOSTILE: dict[str, tuple[str, Any, str]] = {
    "callback": ("callbacks.evil", EVIL, "callbacks.evil"),
    "callback's argument": (
        "callbacks.evil",
        {"_target_": "callbacks.progress.Progress", "every_s": SHELL},
        "callbacks.evil.every_s",
    ),
    "tracker": ("tracking.evil", SHELL, "tracking.evil"),
    "metric": ("metrics.evil", SHELL, "metrics.evil"),
    "exploration": ("exploration._target_", "evil_payload.run", "exploration._target_"),
    "wrapper": ("env.wrappers", [SHELL], "env.wrappers[0]"),
    "wrapper's argument": (
        "env.wrappers",
        [{"_target_": "gymnasium.wrappers.TransformReward", "func": EVIL}],
        "env.wrappers[0].func",
    ),
    "alias of a module": (
        "callbacks.evil",
        {"_target_": "rlexp.storage.checkpoint.seal.os.system"},
        "callbacks.evil",
    ),
    "alias with a colon": (
        "callbacks.evil",
        {"_target_": "rlexp.storage.checkpoint.seal:os.system"},
        "callbacks.evil",
    ),
    "dunder": (
        "callbacks.evil",
        {"_target_": "rlexp.storage.checkpoint.seal.__builtins__.eval"},
        "callbacks.evil",
    ),
    "loader": ("callbacks.evil", {"_target_": "rlexp.config.callables.targets.build"}, "callbacks.evil"),
    "hydra's instantiate": ("callbacks.evil", {"_target_": "hydra.utils.instantiate"}, "callbacks.evil"),
    "env id, import path": ("env.id", "evil_payload.run", "env.id"),
    "env id, module": ("env.id", "evil_payload:Evil-v0", "env.id"),
    "model": ("model.module_class", "evil_payload.run", "model.module_class"),
    "algorithm": ("algorithm.config_class", "evil_payload.Config", "algorithm.config_class"),
    "setting with a type": ("algorithm.grad_clip_by", {"type": "evil_payload.run"}, "algorithm.grad_clip_by"),
    "trusted list": ("trusted", ["rlexp", "callbacks", "ray.rllib", "gymnasium", "evil_payload"], "trusted"),
    "logging block": (
        "hydra.job_logging",
        {"version": 1, "handlers": {"h": {"()": "os.system", "command": "touch ../canary"}}},
        "hydra.job_logging",
    ),
    "cluster": ("hardware.address", "203.0.113.7:6379", "hardware.address"),
    "preloaded library": (
        "hardware.env_vars",
        {"LD_PRELOAD": "/tmp/evil.so"},
        "hardware.env_vars.LD_PRELOAD",
    ),
    "python path": ("hardware.env_vars", {"PYTHONPATH": "/tmp"}, "hardware.env_vars.PYTHONPATH"),
    "start-up file": ("hardware.env_vars", {"PYTHONSTARTUP": "/tmp/x"}, "hardware.env_vars.PYTHONSTARTUP"),
    "environment that loads a checkpoint": (
        "env",
        {"id": "rlexp.policy.load", "config": {"path": "../theirs", "trust": True}},
        "env.id",
    ),
    "wrapper that writes a file": (
        "env.wrappers",
        [
            {
                "_target_": "gymnasium.wrappers.TransformReward",
                "func": {
                    "_target_": "rlexp.base.files.atomic.write_text",
                    "path": "../canary",
                    "text": "",
                },
            }
        ],
        "env.wrappers[0].func",
    ),
    "wrapper that deletes a folder": (
        "env.wrappers",
        [
            {
                "_target_": "gymnasium.wrappers.ClipReward",
                "min_reward": {"_target_": "rlexp.base.files.atomic.remove", "path": "../work"},
            }
        ],
        "env.wrappers[0].min_reward",
    ),
    "wrapper that runs a script": (
        "env.wrappers",
        [{"_target_": "rlexp.compat.ray_workers.fork_server._run"}],
        "env.wrappers[0]",
    ),
    "wrapper that writes pictures anywhere": (
        "env.wrappers",
        [{"_target_": "gymnasium.wrappers.RecordVideo", "video_folder": "../canary"}],
        "env.wrappers[0]",
    ),
    "tracker that is a function": (
        "tracking.evil",
        {"_target_": "rlexp.base.files.atomic.write_text", "path": "../canary", "text": ""},
        "tracking.evil",
    ),
    "exploration that is a function": (
        "exploration",
        {"_target_": "rlexp.base.files.atomic.write_text", "path": "../canary", "text": ""},
        "exploration",
    ),
    "callback that is no callback": ("callbacks.evil", {"_target_": "rlexp.policy.load"}, "callbacks.evil"),
    "metric that is any function": (
        "metrics.evil",
        {"_target_": "rlexp.base.files.atomic.aside", "why": "x"},
        "metrics.evil",
    ),
    "teacher that is a function": (
        "curriculum",
        {"teacher": {"_target_": "rlexp.policy.load", "path": "x"}, "tasks": {"level": {"int": [1, 2]}}},
        "curriculum.teacher",
    ),
    "task function": ("curriculum.task_fn", "rlexp.base.files.atomic.write_text", "curriculum.task_fn"),
    "mutation": (
        "curriculum",
        {
            "teacher": {
                "_target_": "rlexp.curriculum.teachers.accel.ACCEL",
                "mutate": "rlexp.base.files.atomic.write_json",
            },
            "tasks": {"level": {"int": [1, 2]}},
        },
        "curriculum.teacher.mutate",
    ),
    "vector form": ("env.vector_entry_point", "rlexp.policy.load", "env.vector_entry_point"),
    "model that is a function": ("model.module_class", "rlexp.policy.load", "model.module_class"),
    "buffer that is a loader": (
        "algorithm",
        {
            "config_class": "ray.rllib.algorithms.dqn.DQNConfig",
            "replay_buffer_config": {
                "type": "ray.rllib.policy.policy.from_config",
                "_args": [None, {"type": "os.system", "command": "touch ../canary"}],
            },
        },
        "algorithm.replay_buffer_config.type",
    ),
    "buffer that is a folder": (
        "algorithm",
        {
            "config_class": "ray.rllib.algorithms.dqn.DQNConfig",
            "replay_buffer_config": {"type": "rlexp.run1/buffer.yaml"},
        },
        "algorithm.replay_buffer_config.type",
    ),
    "buffer that is YAML itself": (
        "algorithm",
        {
            "config_class": "ray.rllib.algorithms.dqn.DQNConfig",
            "replay_buffer_config": {"type": '{type: "os\\x2esystem", command: "touch \\x2e\\x2e/canary"}'},
        },
        "algorithm.replay_buffer_config.type",
    ),
    "OpenSSL's own settings": (
        "hardware.env_vars",
        {"OPENSSL_CONF": "/tmp/evil.cnf"},
        "hardware.env_vars.OPENSSL_CONF",
    ),
    "warnings of a module": (
        "hardware.env_vars",
        {"PYTHONWARNINGS": "error::evil_payload.Evil"},
        "hardware.env_vars.PYTHONWARNINGS",
    ),
    "reading the environment": ("tracking.note", "${oc.env:SECRET_OF_MINE}", "tracking.note"),
}


# One way of reading serves all routes; on resume every kind is tried, on the others one of each sort.
SAMPLE = ("callback", "alias of a module", "trusted list", "logging block", "preloaded library")


TRIED = [("resume", kind) for kind in HOSTILE] + [(r, k) for r in ROUTES if r != "resume" for k in SAMPLE]


@pytest.mark.parametrize(("route", "kind"), TRIED)
def test_37_a_foreign_config_runs_nothing(
    capsys: pytest.CaptureFixture[str], finished: Path, tmp_path: Path, payload: Path, route: str, kind: str
) -> None:
    key, value, named = HOSTILE[kind]
    run = doctored(finished, tmp_path / "theirs", put(key, value))
    before = (run / "config.yaml").read_bytes()
    assert main(ROUTES[route](run)) == 2
    told = capsys.readouterr().err
    assert named in told and "Traceback" not in told and "s3cr3t" not in told
    assert not payload.exists() and "evil_payload" not in sys.modules
    assert (run / "config.yaml").read_bytes() == before and not Path("runs").exists()


def test_37_yaml_tags_build_nothing(
    capsys: pytest.CaptureFixture[str], finished: Path, tmp_path: Path, payload: Path
) -> None:
    evil = "evil: !!python/object/apply:os.system ['touch ../canary']\n"
    run = doctored(finished, tmp_path / "theirs", lambda config: None, evil)
    for route in ROUTES.values():
        assert main(route(run)) == 2
        assert "is damaged" in capsys.readouterr().err
    assert not payload.exists()


def test_37_what_a_config_may_not_grant_the_command_line_may(finished: Path, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["trusted"].append("evil_payload")
        config["hardware"]["env_vars"] = {"PYTHONPATH": "/x"}

    run = doctored(finished, tmp_path / "theirs", change)
    granted = ["trusted=[rlexp,ray.rllib,gymnasium,callbacks]", "hardware.env_vars.PYTHONPATH=/y"]
    config = rlexp.compose(granted, config_dir=run)
    assert config.hardware.env_vars == {"PYTHONPATH": "/y"} and "evil_payload" not in config.trusted


def test_37_a_runs_folder_decides_not_where_the_next_run_goes(finished: Path, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config |= {"name": "../../x", "runs_dir": "/etc", "overwrite": True}

    config = rlexp.compose([], config_dir=doctored(finished, tmp_path / "theirs", change))
    assert (config.name, config.runs_dir, config.overwrite) == (None, "runs", False)


HYDRA_NODES: dict[str, dict[str, Any]] = {
    "callbacks": {"callbacks": {"evil": SHELL}},
    "search path": {"searchpath": ["pkg://evil_payload"]},
    "environment": {"job": {"env_set": {"LD_PRELOAD": "/tmp/evil.so"}}},
    "logging": {
        log: {
            "version": 1,
            "handlers": {"h": {"()": "os.system", "command": "touch ../canary"}},
            "root": {"handlers": ["h"]},
        }
        for log in ("hydra_logging", "job_logging")
    },
    "launcher": {"launcher": SHELL},
    "sweeper": {"sweeper": SHELL},
}


@pytest.mark.parametrize("kind", HYDRA_NODES)
def test_37_hydras_own_settings_of_a_foreign_config_folder_run_nothing(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    payload: Path,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Advisories of 2026: Hydra's logging, callbacks and plugins are configured by the config itself."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    text = yaml.safe_dump({"defaults": ["config", "_self_"], "hydra": HYDRA_NODES[kind]}, sort_keys=False)
    (folder / "evil.yaml").write_text(text)
    place = ["--config-dir", str(folder), "-cn", "evil"]
    for argv in (["seed=no"], ["-m", "seed=no,never"]):
        assert main([*place, *argv]) == 2
    for argv in (["--cfg", "all"], ["--info", "searchpath"], ["--hydra-help"]) if kind == "logging" else ():
        main([*place, *argv])
    monkeypatch.setenv("COMP_LINE", "rlexp seed=")
    main([*place, "-sc", "query=bash"])
    assert "Traceback" not in capsys.readouterr().err
    assert not payload.exists() and "evil_payload" not in sys.modules


@pytest.mark.parametrize(
    ("yaml_text", "key"),
    [
        ("trusted: [rlexp, callbacks, envs, ray.rllib, gymnasium, evil_payload]", "trusted"),
        ("checkpoint: {from: /theirs, trust: true}", "checkpoint.trust"),
        ("hardware: {env_vars: {LD_PRELOAD: /tmp/evil.so}}", "hardware.env_vars.LD_PRELOAD"),
        ("hardware: {address: '203.0.113.7:6379'}", "hardware.address"),
    ],
)
def test_37_choices_of_a_foreign_config_folder_grant_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, yaml_text: str, key: str
) -> None:
    (tmp_path / "theirs" / "experiment").mkdir(parents=True)
    (tmp_path / "theirs" / "experiment" / "fine.yaml").write_text(f"# @package _global_\n{yaml_text}\n")
    for mode in ([], ["-m"]):
        assert main([*mode, "--config-dir", str(tmp_path / "theirs"), "experiment=fine"]) == 2
        told = capsys.readouterr().err
        assert key in told and "if you trust whoever wrote it" in told
    assert not Path("runs").exists()
