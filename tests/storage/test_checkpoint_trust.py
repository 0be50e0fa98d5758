"""Loading a checkpoint runs code, so whose it is gets asked first: own, foreign, forged, altered since."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from harness import Canary
from stores import writer

from rlexp.base.errors import CheckpointError
from rlexp.storage.checkpoint import seal
from rlexp.storage.checkpoint.store import CheckpointStore, require_trust, resolve


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A whole checkpoint of this user's own."""
    return CheckpointStore(tmp_path / "checkpoints", keep=1).save(30, writer("step 30")).path


def test_38_a_foreign_checkpoint_is_refused_unless_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    hostile = pickle.dumps(Canary(canary))
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "stranger"))
    theirs = CheckpointStore(tmp_path / "theirs" / "checkpoints", keep=1)
    theirs.save(10, lambda folder: (folder / "class_and_ctor_args.pkl").write_bytes(hostile))
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "home"))
    for _ in range(2):  # before this user has a key, and with one
        found, skipped = resolve(tmp_path / "theirs")
        assert seal.origin(found.path) == "foreign" and skipped == []
        with pytest.raises(CheckpointError, match=r"runs the code .*\n.*checkpoint\.trust=true"):
            require_trust(found, trust=False)
        require_trust(found, trust=True)
        assert not canary.exists()
        own = CheckpointStore(tmp_path / "own" / "checkpoints", keep=1).save(10, writer("x"))
    require_trust(own, trust=False)
    assert seal.origin(own.path) == "own"
    pickle.loads(hostile)
    assert canary.exists(), "the canary must be one that would have sung"


def forge(path: Path, **changes: object) -> None:
    """Change fields of a seal and mend its digest, as one without the key can."""
    content = json.loads((path / "seal.json").read_text()) | changes
    content.pop("digest")
    content["digest"] = seal._digest(content)
    (path / "seal.json").write_text(json.dumps(content))


def test_38_a_seal_forged_without_the_key_is_refused(checkpoint: Path) -> None:
    forge(checkpoint)
    path = checkpoint
    assert seal.verify(path).step == 30, "the forger's tool itself must make seals that are otherwise right"
    (path / "state.pkl").write_text("hostile")
    files = json.loads((path / "seal.json").read_text())["files"]
    files["state.pkl"] = {"size": 7, "sha256": seal._hash(path / "state.pkl")}
    forge(path, files=files)
    with pytest.raises(CheckpointError, match="seal.json was altered"):
        resolve(path)
    forge(path, key="0" * 16)  # without a claim to be this user's it is a foreign one
    with pytest.raises(CheckpointError, match=r"checkpoint\.trust=true"):
        require_trust(resolve(path)[0], trust=False)


def test_38_a_checkpoint_altered_after_it_was_found_is_not_trusted(checkpoint: Path) -> None:
    found, _ = resolve(checkpoint)
    (found.path / "state.pkl").write_text("step 3O")
    with pytest.raises(CheckpointError, match="state.pkl was altered"):
        require_trust(found, trust=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"files": []},
        {"files": {"a": 1}},
        {"files": {"a": {"size": "1", "sha256": ""}}},
        {"step": "ten"},
        {"meta": None},
    ],
)
def test_38_a_seal_of_the_wrong_shape_is_refused(checkpoint: Path, changes: dict[str, object]) -> None:
    path = checkpoint
    forge(path, key="0" * 16, **changes)
    with pytest.raises(CheckpointError, match="seal.json was altered"):
        resolve(path)


def test_a_newer_format_says_to_upgrade(checkpoint: Path) -> None:
    path = checkpoint
    forge(path, format=seal.FORMAT + 1)
    with pytest.raises(CheckpointError, match="upgrade"):
        resolve(path)
