"""Hydra's flags and the shell: sweeps, shown configs, other config folders, completion, a run again."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from harness import CHECKOUT, cli, records

from rlexp.cli.main import main
from rlexp.sweep.planning.plan import plan


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


TINY = ("hardware=local", "callbacks=none", "tracking=none", "debug=tiny")


def shown(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(list(argv)) == 0
    return capsys.readouterr().out


class TestShowing:
    def test_cfg_job(self, capsys: pytest.CaptureFixture[str]) -> None:
        config = yaml.safe_load(shown(capsys, "--cfg", "job", "--resolve", "env=acrobot", "seed=3"))
        assert config["env"]["id"] == "Acrobot-v1" and config["seed"] == 3 and "hydra" not in config

    def test_cfg_of_one_group(self, capsys: pytest.CaptureFixture[str]) -> None:
        config = yaml.safe_load(shown(capsys, "--cfg", "job", "-p", "algorithm", "algorithm.lr=0.5"))
        assert config["lr"] == 0.5

    @pytest.mark.parametrize("kind", ["hydra", "all"])
    def test_cfg_with_hydras_own(self, capsys: pytest.CaptureFixture[str], kind: str) -> None:
        assert "hydra" in yaml.safe_load(shown(capsys, "--cfg", kind))

    def test_info_tells_where_choices_come_from(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = shown(capsys, "--info", "searchpath")
        assert str(CHECKOUT / "conf") in found

    def test_hydra_help_help_and_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "--multirun" in shown(capsys, "--hydra-help")
        assert "rlexp resume PATH" in shown(capsys, "--help")
        assert shown(capsys, "--version").startswith("rlexp 0.")
        assert "checkpoint.trust=true" in shown(capsys, "resume", "--help")
        assert "--json" in shown(capsys, "evaluate", "--help")


class TestOtherConfigs:
    def test_config_dir_adds_choices(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        (tmp_path / "more" / "env").mkdir(parents=True)
        (tmp_path / "more" / "env" / "mine.yaml").write_text("id: Acrobot-v1\n")
        config = yaml.safe_load(
            shown(capsys, "--config-dir", "more", "--cfg", "job", "env=mine", "tuned=none")
        )
        assert config["env"]["id"] == "Acrobot-v1"

    def test_config_name_is_another_primary_config(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        (tmp_path / "more").mkdir()
        (tmp_path / "more" / "mine.yaml").write_text("defaults: [config, _self_]\nseed: 11\n")
        shown_ = shown(capsys, "--config-dir", "more", "-cn", "mine", "--cfg", "job")
        assert yaml.safe_load(shown_)["seed"] == 11

    def test_a_runs_folder_shows_its_config(self, capsys: pytest.CaptureFixture[str], finished: Path) -> None:
        config = yaml.safe_load(shown(capsys, "--config-dir", str(finished), "--cfg", "job"))
        assert config["algorithm"]["lr"] == 0.002 and config["seed"] == 7 and config["name"] is None

    def test_a_run_runs_again_from_its_folder(
        self, capsys: pytest.CaptureFixture[str], finished: Path, tmp_path: Path
    ) -> None:
        assert main(["--config-dir", str(finished), "name=again"]) == 0
        first, again = (
            [line.get("train/return_mean") for line in records(run)]
            for run in (finished, tmp_path / "runs" / "again")
        )
        assert first == again != [], "the same config and seed give the same run"

    def test_groups_can_be_chosen_anew_on_top_of_a_run(
        self, capsys: pytest.CaptureFixture[str], finished: Path
    ) -> None:
        argv = ["--config-dir", str(finished), "--cfg", "job", "env=acrobot", "+algorithm=dqn", "seed=8"]
        config = yaml.safe_load(shown(capsys, *argv))
        assert config["env"]["id"] == "Acrobot-v1" and config["seed"] == 8
        assert config["algorithm"]["config_class"].endswith("DQNConfig")
        assert "clip_param" not in config["algorithm"], "nothing of the old choice stays"

    def test_choices_that_set_other_groups_are_refused_on_top_of_a_run(
        self, capsys: pytest.CaptureFixture[str], finished: Path
    ) -> None:
        assert main(["--config-dir", str(finished), "debug=tiny"]) == 2
        assert "debug sets keys of other groups" in capsys.readouterr().err

    def test_typos_on_top_of_a_run_are_refused(
        self, capsys: pytest.CaptureFixture[str], finished: Path
    ) -> None:
        for argv in (["--config-dir", str(finished)], ["resume", str(finished)], ["evaluate", str(finished)]):
            assert main([*argv, "algorithm.lrr=1"]) == 2
            assert "write: algorithm.lr=1" in capsys.readouterr().err
            assert main([*argv, "env=cartpol"]) == 2
            assert "write: env=cartpole" in capsys.readouterr().err


class TestResume:
    @pytest.mark.parametrize(
        ("override", "says"),
        [
            ("seed=9", "seed cannot change on resume"),
            ("env=acrobot", "env.id cannot change on resume"),
            ("algorithm=dqn", "algorithm.config_class cannot change on resume"),
            ("model.fcnet_hiddens=[8]", "model cannot change on resume"),
            ("name=other", "a resumed run keeps its folder"),
            ("checkpoint.from=runs/other", "goes on from its own checkpoint"),
        ],
    )
    def test_what_the_saved_state_cannot_follow(
        self, capsys: pytest.CaptureFixture[str], finished: Path, override: str, says: str
    ) -> None:
        before = {file: file.stat().st_mtime_ns for file in finished.rglob("*") if file.is_file()}
        assert main(["resume", str(finished), override]) == 2
        told = capsys.readouterr().err
        assert says in told and told.count("error: ") == 1
        after = {file: file.stat().st_mtime_ns for file in finished.rglob("*") if file.is_file()}
        assert {k for k in before if before[k] != after.get(k)} <= {finished / "log.txt"}

    def test_an_evaluation_takes_no_other_weights(
        self, capsys: pytest.CaptureFixture[str], finished: Path
    ) -> None:
        assert main(["evaluate", str(finished), f"checkpoint.from={finished}"]) == 2
        assert "the checkpoint that PATH names" in capsys.readouterr().err

    def test_a_run_that_is_done(self, capsys: pytest.CaptureFixture[str], finished: Path) -> None:
        assert main(["resume", str(finished)]) == 2
        assert f"write: rlexp resume {finished} stop." in capsys.readouterr().err


class TestSweep:
    @pytest.mark.slow
    def test_every_combination_runs_one_after_another(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert main(["-m", *TINY, "sweep.name=s", "seed=range(2)", "algorithm.lr=choice(0.1)"]) == 0
        folder = tmp_path / "sweeps" / "s" / "trials"
        assert {run.name for run in folder.iterdir()} == {"000-seed=0-lr=0.1", "001-seed=1-lr=0.1"}
        config = yaml.safe_load((folder / "001-seed=1-lr=0.1" / "config.yaml").read_text())
        assert config["seed"] == 1 and config["algorithm"]["lr"] == 0.1
        assert "2 done" in capsys.readouterr().out
        assert not (tmp_path / "multirun.yaml").exists()

    def test_values_of_several_keys_are_multiplied(self) -> None:
        trials = plan(["env=cartpole,acrobot", "seed=0,1", "hardware=local"]).trials
        assert [(trial.config.env.id, trial.config.seed) for trial in trials] == [
            ("CartPole-v1", 0),
            ("CartPole-v1", 1),
            ("Acrobot-v1", 0),
            ("Acrobot-v1", 1),
        ]

    def test_glob_names_every_choice(self) -> None:
        trials = plan(["env=glob(*,exclude=[gym,atari,envpool])", "hardware=local"]).trials
        ids = {trial.config.env.id for trial in trials}
        assert {"CartPole-v1", "Acrobot-v1", "Pendulum-v1"} <= ids and len(trials) == len(ids)

    def test_one_bad_combination_stops_all_before_the_first(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert main(["-m", "algorithm=ppo,dqn", "algorithm.clip_param=0.1"]) == 2
        told = capsys.readouterr().err
        assert "algorithm.clip_param" in told and "algorithm=dqn)" in told
        assert not (tmp_path / "sweeps").exists()

    def test_environments_are_tried_before_the_first(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert main(["-m", *TINY, "algorithm=dqn", "env=cartpole,pendulum"]) == 2
        told = capsys.readouterr().err
        assert "DQN cannot act in Box" in told and "env=pendulum" in told and "algorithm=sac" in told
        assert (
            main(["-m", *TINY, "env=gym", "env.id=CartPole-v1,NoSuchEnv-v0", "hardware.env_vars={LAB_X: a}"])
            == 2
        )
        assert "env.id=NoSuchEnv-v0" in capsys.readouterr().err and "LAB_X" not in os.environ
        assert not (tmp_path / "sweeps").exists()

    @pytest.mark.slow
    @pytest.mark.landing
    def test_one_that_is_refused_as_it_is_built_stops_no_other(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        goals = "stop.metric={custom/nobody_logs_it_mean: 1},{train/return_mean: 500}"
        assert main(["-m", *TINY, "sweep.name=s", "env=cartpole", goals]) == 1
        assert [run.name[:3] for run in (tmp_path / "sweeps" / "s" / "trials").iterdir()] == ["001"]
        assert "error: 000" in capsys.readouterr().err

    def test_a_single_run_takes_no_settings_of_a_sweep(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["sweep.trials=3"]) == 2
        assert "rlexp -m" in capsys.readouterr().err


class TestCompletion:
    """Bash's own completion, driven as readline drives it."""

    @pytest.fixture
    def command(self, tmp_path: Path) -> Path:
        """`rlexp` as pip would install it."""
        script = tmp_path / "bin" / "rlexp"
        script.parent.mkdir()
        script.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(CHECKOUT)!r})\n"
            "from rlexp.cli.main import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        return script

    @pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
    def test_tab(self, command: Path) -> None:
        """The function that the script defines, called as bash calls it; it cuts words at = itself."""
        lines = {"rlexp env=car": "cartpole ", "rlexp algorithm.lr": "algorithm.lr=", "rlexp resu": "resume "}
        calls = "".join(
            f"COMP_LINE='{line}'; COMP_POINT={len(line)}; _rlexp_complete rlexp; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
            for line in lines
        )
        script = f'eval "$(rlexp -sc install=bash)"\n{calls}complete -p rlexp\n'
        done = subprocess.run(
            ["bash", "--norc", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            env=self._env(command),
        )
        *offered, registered = done.stdout.splitlines()
        assert offered == list(lines.values()), done
        assert registered == "complete -o nospace -F _rlexp_complete rlexp"

    @pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
    def test_tab_in_fish(self, command: Path) -> None:
        script = "rlexp -sc install=fish | source; complete -C 'rlexp algorithm=d'"
        done = subprocess.run(
            ["fish", "-c", script], capture_output=True, text=True, timeout=60, env=self._env(command)
        )
        assert done.stdout.split() == ["algorithm=dqn", "algorithm=dreamerv3"], done

    @pytest.mark.slow
    @pytest.mark.parametrize(("shell", "quiet"), [("bash", "--norc"), ("zsh", "-f")])
    def test_tab_at_a_prompt(self, command: Path, tmp_path: Path, shell: str, quiet: str) -> None:
        """A terminal, a prompt, and the key itself."""
        if shutil.which(shell) is None:
            pytest.skip(f"needs {shell}")
        (tmp_path / "runs" / "first").mkdir(parents=True)
        (tmp_path / "runs" / "first" / "manifest.json").touch()
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(tmp_path)
            os.execvpe(shell, [shell, quiet, "-i"], {**self._env(command), "PS1": "> ", "TERM": "dumb"})
        try:
            os.write(terminal, f'eval "$(rlexp -sc install={shell})"; echo ready$((1+1))\n'.encode())
            self._read_until(terminal, "ready2")
            for typed, shown in (
                ("rlexp env=car\t", "env=cartpole "),
                ("rlexp resume runs/\t", "runs/first "),
            ):
                os.write(terminal, typed.encode())
                self._read_until(terminal, shown)
                os.write(terminal, b"\x15")  # Ctrl-U: the line is wiped out.
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(terminal)

    @staticmethod
    def _env(command: Path) -> dict[str, str]:
        return {**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}

    @staticmethod
    def _read_until(terminal: int, wanted: str) -> None:
        seen, end = "", time.monotonic() + 30
        while wanted not in seen:
            assert time.monotonic() < end, seen
            if select.select([terminal], [], [], 1.0)[0]:
                seen += os.read(terminal, 4096).decode()


@pytest.mark.parametrize(("argv", "seconds"), [(["--help"], 1.5), (["list"], 1.0), (["--version"], 1.0)])
def test_quick_answers(argv: list[str], seconds: float, elsewhere: Path) -> None:
    """The figures hold on an idle machine; a busy one is given five times as long."""
    start = time.perf_counter()
    assert cli(*argv, cwd=elsewhere).returncode == 0
    assert time.perf_counter() - start < 5 * seconds
