"""Which configs this user has written: by the user's own key, or by one lent to the sweep that they lie in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlexp.storage import signed_files
from rlexp.storage.checkpoint import seal_key
from rlexp.storage.signed_files import NAME, is_own, write_signed


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(seal_key, "_borrowed", {})
    return tmp_path / "home"


def test_what_this_user_wrote_is_own_until_it_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write_signed(file, "seed: 0\n")
    assert is_own(file)
    file.write_text("seed: 1\n")
    assert not is_own(file)


def test_another_users_file_is_foreign_and_stays_so_when_it_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    write_signed(file, "seed: 0\n")
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "other"))
    assert not is_own(file)
    write_signed(file, "seed: 1\n")
    assert file.read_text() == "seed: 1\n" and not is_own(file)


def test_a_signature_is_good_for_one_name_alone(tmp_path: Path) -> None:
    write_signed(tmp_path / "config.yaml", "{}")
    (tmp_path / "plan.json").write_text("{}")
    signed = json.loads((tmp_path / NAME).read_text())
    (tmp_path / NAME).write_text(json.dumps({"plan.json": signed["config.yaml"]}))
    assert not is_own(tmp_path / "plan.json")


def test_after_a_crash_between_signature_and_file_the_old_file_is_still_own(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write_signed(file, "seed: 0\n")
    signed_files._sign_ahead(file, "seed: 1\n")
    assert is_own(file)


@pytest.mark.parametrize("damage", ["{", "[]", '{"config.yaml": 3}', '{"config.yaml": [{"key": 3}]}'])
def test_a_damaged_record_vouches_for_nothing(tmp_path: Path, damage: str) -> None:
    write_signed(tmp_path / "config.yaml", "seed: 0\n")
    (tmp_path / NAME).write_text(damage)
    assert not is_own(tmp_path / "config.yaml")


def test_a_lent_key_vouches_for_the_trials_of_its_sweep_alone(tmp_path: Path) -> None:
    own = seal_key.ensure_key()
    sweep, trial = tmp_path / "sweep", tmp_path / "sweep" / "trials" / "000"
    trial.mkdir(parents=True)
    vouched = {"sweep-1": seal_key.vouch("seals", "sweep-1")}
    (sweep / "plan.json").write_text(json.dumps({"seals": "sweep-1", "vouched": vouched}))
    (tmp_path / "run").mkdir()
    seal_key.borrow(own.derived("sweep-1"))
    for folder in (trial, tmp_path / "run"):
        write_signed(folder / "config.yaml", "seed: 0\n")
        assert is_own(folder / "config.yaml"), "for who has been lent it"
    seal_key._borrowed.clear()
    assert is_own(trial / "config.yaml") and not is_own(tmp_path / "run" / "config.yaml")


def test_a_lent_key_vouches_for_no_plan(tmp_path: Path) -> None:
    own = seal_key.ensure_key()
    trial = tmp_path / "trials" / "000"
    trial.mkdir(parents=True)
    seal_key.borrow(own.derived("sweep-1"))
    write_signed(tmp_path / "plan.json", json.dumps({"seals": "sweep-1", "vouched": {"sweep-1": "00"}}))
    write_signed(trial / "config.yaml", "seed: 0\n")
    seal_key._borrowed.clear()
    assert not is_own(tmp_path / "plan.json") and not is_own(trial / "config.yaml")


def test_looking_makes_no_key(tmp_path: Path, home: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    (tmp_path / NAME).write_text('{"config.yaml": [{"key": "abc", "hmac": "00"}]}')
    assert not is_own(tmp_path / "config.yaml") and not home.exists()
