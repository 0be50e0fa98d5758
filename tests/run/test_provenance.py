"""What the manifest says of a run's origin, and what it must never say."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rlexp.base.files import atomic
from rlexp.config.secrets import looks_secret, redact
from rlexp.run.bookkeeping import provenance


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    folder.mkdir()
    for arguments in (
        ["init", "-q"],
        ["config", "user.email", "lab@example.org"],
        ["config", "user.name", "Lab"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    (folder / "train.py").write_text("lr = 1\n")
    subprocess.run(["git", "add", "train.py"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "start"], cwd=folder, check=True)
    return folder


def test_provenance_of_a_clean_and_a_dirty_repository(repository: Path, tmp_path: Path) -> None:
    origin = provenance.collect(["rlexp", "env=x y"], ["env=x y"], 7, repository=repository)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert origin["git_commit"] == head.stdout.strip() and origin["git_dirty"] is False
    assert (
        origin["command"] == "rlexp 'env=x y'" and origin["overrides"] == ["env=x y"] and origin["seed"] == 7
    )
    assert origin["pid"] == os.getpid() and origin["start"].endswith("+00:00")
    assert origin["packages"]["ray"] and origin["packages"]["hydra-core"]
    atomic.write_json(tmp_path / "m.json", origin)
    assert provenance.write_diff(tmp_path, repository=repository) is None

    (repository / "train.py").write_text(
        "lr = 2\nWANDB_API_KEY = '0123456789abcdef0123456789abcdef01234567'\n"
    )
    (repository / ".env").write_text("PASSWORD=untracked-and-private")
    assert provenance.collect(["rlexp"], [], 7, repository=repository)["git_dirty"] is True
    name = provenance.write_diff(tmp_path, repository=repository)
    assert name is not None
    diff = (tmp_path / name).read_text()
    assert "+lr = 2" in diff and "0123456789abcdef" not in diff and "untracked-and-private" not in diff


def test_the_diff_is_capped_and_says_so(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "DIFF_LIMIT", 2000)
    (repository / "train.py").write_text("x = 1\n" * 5000)
    name = provenance.write_diff(tmp_path, repository=repository)
    assert name is not None and (tmp_path / name).stat().st_size <= 2000
    assert "cut off" in (tmp_path / name).read_text()


def test_no_repository_and_no_git_are_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for _ in range(2):
        origin = provenance.collect(["rlexp"], [], 0, repository=tmp_path)
        assert origin["git_commit"] is None and origin["git_dirty"] is None
        assert provenance.write_diff(tmp_path, repository=tmp_path) is None
        monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize(
    "argument",
    [
        "tracking.wandb.api_key=hunter2hunter2",
        "+hardware.env_vars.WANDB_API_KEY=hunter2hunter2",
        "hardware.env_vars={HOME: /x, HF_TOKEN: hunter2hunter2}",
        "++env.config.password='hunter2hunter2'",
        "--token=hunter2hunter2",
        "env.config.url=https://me:hunter2hunter2@example.org/x",
        "env.config.note=ghp_hunter2hunter2hunter2hunter2",
    ],
)
def test_secrets_are_left_out_of_the_command(argument: str, tmp_path: Path) -> None:
    origin = provenance.collect(["rlexp", argument, "lr=1"], [argument, "lr=1"], 0, repository=tmp_path)
    assert "hunter2" not in json.dumps(origin)
    assert origin["command"].endswith("lr=1") and origin["overrides"][1] == "lr=1"


def test_a_secret_that_follows_its_option_is_left_out(tmp_path: Path) -> None:
    origin = provenance.collect(["rlexp", "--api-key", "hunter2", "-m"], [], 0, repository=tmp_path)
    assert origin["command"] == "rlexp --api-key '***' -m"


@pytest.mark.parametrize(
    "argument",
    [
        "env.action_mask_key=action_mask",
        "model.max_tokens=512",
        "algorithm.lr=3e-4",
        "seed=0,1",
        "env.id=ALE/Pong-v5",
    ],
)
def test_ordinary_settings_stay_in_the_command(argument: str, tmp_path: Path) -> None:
    assert provenance.collect([argument], [], 0, repository=tmp_path)["command"] == argument


@pytest.mark.parametrize(
    "name",
    [
        "PGPASSWORD",
        "MYSQL_PWD",
        "GITHUB_PAT",
        "BASIC_AUTH",
        "SECRET_KEY_BASE",
        "accessToken",
        "DB_PASS",
        "SENTRY_DSN",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name) and looks_secret(f"hardware.env_vars.{name}")


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "max_tokens", "action_mask_key", "author", "pass", "secret_room"]
)
def test_names_that_are_no_secrets(name: str) -> None:
    assert not looks_secret(name)


SECRETS = [
    '+password = "hunter2"',
    "+PASSWORD: hunter2",
    " export PGPASSWORD=hunter2",
    "-os.environ['MYSQL_PWD'] = 'hunter2'",
    '+headers = {"Authorization": "Bearer hunter2abcdefg.hunter2"}',
    '+curl -H "Authorization: Basic aHVudGVyMg=="',
    '+url = "https://acc.blob.core.windows.net/c?sv=1&sig=hunter2%2Bhunter2&se=1"',
    '+url = "postgres://me:hunter2@db/x"',
    "+git clone https://hunter2hunter2hunter2@example.org/x",
    '+connect(user="me", password="hunter2")',
    "+-----BEGIN RSA PRIVATE KEY-----\n+hunter2hunter2\n+-----END RSA PRIVATE KEY-----",
    "+-----BEGIN PRIVATE KEY-----\n+hunter2hunter2\n",
]


@pytest.mark.parametrize("line", SECRETS)
def test_a_secret_in_a_diff_is_blanked_and_the_rest_stays(line: str) -> None:
    text = redact(f"+lr = 1\n{line}\n@@ -1 +1 @@\n+seed = 2\n")
    assert "hunter2" not in text and "aHVudGVyMg" not in text
    assert text.startswith("+lr = 1\n") and text.endswith("@@ -1 +1 @@\n+seed = 2\n") and "***" in text


@pytest.mark.parametrize(
    "line",
    [
        "+def f(password: str, token: str | None = None) -> None:",
        "+token = get_token()",
        "+max_tokens: 512",
        "+password: str",
        "+raise ConfigError(message, key='sweep.name')",
        "+PASSWORD=$OTHER",
    ],
)
def test_code_about_secrets_stays_in_a_diff(line: str) -> None:
    assert redact(line) == line
