"""The wheel, installed away from the checkout: what is in it, and a lab made and used with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import CHECKOUT, records
from lab_course import add_parts, course

SHIPPED = ("rlexp", "envs", "callbacks", "conf")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the checkout, tests and benchmarks among it."""
    source, dist = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in (*SHIPPED, "tests", "benchmarks"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "constraints.txt", ".gitignore"):
        shutil.copy(CHECKOUT / name, source)
    (source / "runs" / "old").mkdir(parents=True)
    (source / "runs" / "old" / "config.yaml").write_text("")
    _succeeds([sys.executable, "-m", "build", "--wheel", "--outdir", str(dist), str(source)], cwd=source)
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `_environment`."""
    return _environment(wheel, tmp_path_factory.mktemp("venv"))


def _environment(wheel: Path, home: Path) -> Path:
    """A new virtual environment with the wheel in it; the other packages are this interpreter's.

    They come by a `.pth` file. Those in the folders that it names are not read, so an editable install of the
    checkout stays out of sight.
    """
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    _succeeds(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)]
    )
    folders = dict.fromkeys(sysconfig.get_paths()[kind] for kind in ("purelib", "platlib"))
    (_site_packages(home) / "others.pth").write_text("\n".join(folders) + "\n")
    return home


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == {"rlexp"}
    expected = set()
    for folder, home in (
        ("rlexp", ""),
        ("conf", "rlexp/"),
        ("envs", "rlexp/shipped/"),
        ("callbacks", "rlexp/shipped/"),
    ):
        files = [path for path in (CHECKOUT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        expected |= {home + path.relative_to(CHECKOUT).as_posix() for path in files}
    assert set(names) == expected
    assert {"rlexp/py.typed", "rlexp/conf/config.yaml", "rlexp/shipped/envs/__init__.py"} <= expected
    assert "rlexp/lab_template/gitignore.tmpl" in expected


def test_nothing_but_rlexp_is_installed_under_a_name_of_its_own(installed: Path) -> None:
    top = {
        path.name for path in _site_packages(installed).iterdir() if path.suffix not in (".pth", ".dist-info")
    }
    assert top - {"__pycache__"} == {"rlexp"}
    found = _python(installed, "-c", "import rlexp; print(rlexp.__file__)", cwd=installed).stdout
    assert Path(found.strip()).is_relative_to(installed)


@pytest.mark.slow
@pytest.mark.landing
def test_a_lab_is_made_and_used(installed: Path, tmp_path: Path) -> None:
    rlexp = _command(installed, tmp_path)
    rlexp("init", "wheel_lab", cwd=tmp_path)
    add_parts(tmp_path / "wheel_lab")
    course(rlexp, tmp_path / "wheel_lab")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["for editing", "from its wheel"])
def test_a_lab_that_is_installed_is_there_from_every_folder(wheel: Path, tmp_path: Path, kind: str) -> None:
    home, lab = _environment(wheel, tmp_path / "venv"), tmp_path / "our_lab"
    rlexp = _command(home, tmp_path)
    rlexp("init", "our_lab", cwd=tmp_path)
    for folder in ("runs", "sweeps", "notebooks"):  # As in a lab that has been used.
        (lab / folder).mkdir()
    source = ["-e", str(lab)]
    if kind == "from its wheel":
        _succeeds([sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(lab)])
        source = [str(next((tmp_path / "dist").glob("our_lab-*.whl")))]
        shutil.rmtree(lab)
    install = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "-q"]
    _succeeds([*install, "--no-deps", *source])
    work = tmp_path / "work"
    work.mkdir()
    assert "our_lab_example" in rlexp("list", "env", cwd=work).stdout
    words = (
        "env=our_lab_example",
        "callbacks=[episode_stats,our_lab_furthest]",
        "debug=tiny",
        "env.max_episode_steps=5",  # so that episodes end within two small iterations
        "tracking=none",
    )
    rlexp("-m", *words, "hardware=local", "seed=0,1", "sweep.name=x", cwd=work)
    rlexp("resume", "sweeps/x", "stop.iterations=3", cwd=work)
    trial = next((work / "sweeps" / "x" / "trials").glob("001*"))
    assert [record["iteration"] for record in records(trial)] == [1, 2, 3]
    assert "custom/furthest_mean" in records(trial)[-1]
    rlexp("evaluate", "work/sweeps/x", "evaluation.evaluation_duration=2", cwd=tmp_path)
    runners = ("hardware=local", "hardware.num_env_runners=1", "hardware.num_cpus_per_env_runner=0.1")
    rlexp("--config-dir", str(trial), *runners, "name=again", cwd=work)
    assert "custom/furthest_mean" in records(work / "runs" / "again")[-1]


@pytest.mark.slow
def test_user_code_is_type_checked(installed: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(USER_SCRIPT)
    # Only rlexp is followed: reading all of torch would take a minute.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nstrict = true\nfollow_imports = skip\n"
        "disallow_any_unimported = false\ndisallow_subclassing_any = false\n"
        "[mypy-rlexp.*]\nfollow_imports = silent\n"
    )
    told = _python(installed, "-m", "mypy", str(script), cwd=tmp_path, check=False).stdout
    errors = [line for line in told.splitlines() if "error:" in line]
    expected = [f"script.py:{number}:" for number, line in _numbered(USER_SCRIPT) if "# wrong" in line]
    assert [line[: line.index(" error:")] for line in errors] == expected, told


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_clean_install_from_the_registry(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    pinned = ["-c", str(CHECKOUT / "constraints.txt")]
    _succeeds([str(home / "bin" / "python"), "-m", "pip", "install", "-q", *pinned, str(wheel)], timeout=1500)
    rlexp = _command(home, tmp_path)
    rlexp("init", "clean_lab", cwd=tmp_path)
    add_parts(tmp_path / "clean_lab")
    course(rlexp, tmp_path / "clean_lab")


USER_SCRIPT = """\
from pathlib import Path

import rlexp

config: rlexp.RunConfig = rlexp.compose(["env=cartpole"])
config.stop.env_steps = 1000
config.stop.env_stpes = 1000  # wrong
outcome: rlexp.Outcome = rlexp.train(config)
folder: Path = outcome.folder
status: int = outcome.status  # wrong
policy: rlexp.Policy = rlexp.load(folder, which="best")
action = policy.act([0.0, 0.0, 0.0, 0.0])
policy.atc([0.0])  # wrong
rlexp.trian(config)  # wrong
rlexp.resume(folder, ["stop.env_steps=2000"])
rlexp.train("env=cartpole")  # wrong
figure: float = rlexp.evaluate(folder)["metrics"]["eval/return_mean"]
env = rlexp.make_env(config, render_mode="rgb_array")
try:
    rlexp.compose(["env=cartpoel"])
except rlexp.ConfigError as error:
    print(error.suggestions)
"""


def _numbered(text: str) -> list[tuple[int, str]]:
    return list(enumerate(text.splitlines(), start=1))


def _command(home: Path, folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`rlexp(*words, cwd=...)` of the environment in `home`."""

    def rlexp(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return _succeeds([str(home / "bin" / "rlexp"), *words], cwd=cwd, RLEXP_HOME=str(folder / "home"))

    return rlexp


def _python(home: Path, *words: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return _succeeds([str(home / "bin" / "python"), *words], cwd=cwd, check=check)


def _site_packages(home: Path) -> Path:
    return next((home / "lib").glob("python*/site-packages"))


def _succeeds(
    command: list[str], cwd: Path | None = None, *, timeout: float = 240, check: bool = True, **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command in which nothing of the checkout is in sight."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "RLEXP_LAB")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**clean, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1", **env},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
