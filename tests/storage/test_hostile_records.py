"""A stranger's bucket or sweep names files and folders of its reader's: nothing outside the copy is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.base.files import atomic
from rlexp.base.files.record_names import is_inside, is_plain
from rlexp.cli.main import main
from rlexp.storage.buckets.bucket import Bucket
from rlexp.storage.buckets.fetch import fetched
from rlexp.storage.buckets.local_copies import local
from rlexp.storage.buckets.mirror import Mirror
from rlexp.storage.buckets.record_fetch import fetch_below
from rlexp.storage.buckets.sync_state import STATE
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.trials.frozen_trials import FrozenTrials


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter").write_text("years of work")
    return folder


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bucket]:
    """`shop(place)` is a store of this process's memory."""
    monkeypatch.setenv("RLEXP_STORAGE", str(tmp_path / "copies"))
    return lambda place: Bucket(f"memory://{tmp_path.name}/{place}")


ROUTES = (["report"], ["evaluate"], ["resume"], ["--config-dir"])


@pytest.mark.parametrize("words", ROUTES, ids=[words[0] for words in ROUTES])
@pytest.mark.parametrize("name", ["absolute", "upwards", ".", "", 7])
def test_what_a_bucket_leaves_out_is_a_name_in_the_copy(
    shop: Callable[[str], Bucket],
    mine: Path,
    name: object,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = shop("theirs")
    copy = local(store.uri)
    left_out = {"absolute": str(mine), "upwards": f"{'../' * len(copy.parts)}{mine}"}.get(str(name), name)
    store.write(STATE, json.dumps({"push": "a", "without": [left_out]}).encode())
    assert main([*words, store.uri]) == 2
    told = capsys.readouterr().err
    assert f"{store.uri}/{STATE} is damaged" in told and "Traceback" not in told
    assert (mine / "chapter").read_text() == "years of work"


@pytest.mark.parametrize("state", [b"", b"[]", b"{}", b"\xff", b'{"push": 3}', b"[" * 100_000])
def test_a_damaged_record_of_a_bucket_is_one_line(
    shop: Callable[[str], Bucket], state: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    store = shop("theirs")
    store.write(STATE, state)
    assert main(["report", store.uri]) == 2
    told = capsys.readouterr().err
    assert "is damaged" in told and "Traceback" not in told


def test_runs_below_a_place_are_brought_below_its_copy_only(
    shop: Callable[[str], Bucket], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key may hold anything between two slashes, nothing too: `runs//home/me/x`."""
    store = shop("runs")
    copy = local(store.uri)
    state = json.dumps({"push": "a"}).encode()
    up = "../" * len(copy.parts)
    found = {f"{mine}/{STATE}": 1, f"{mine}/chapter": 1, f"{up}{mine}/{STATE}": 1, f"{up}{mine}/chapter": 1}
    found |= {f"a/{STATE}": 1, "a/manifest.json": 1, f"a/{mine}/chapter": 1, f"a/b/.{STATE}": 1}
    brought: list[Path] = []
    monkeypatch.setattr(Bucket, "sizes", lambda *_, **__: found)
    monkeypatch.setattr(Bucket, "read", lambda *_: state)
    monkeypatch.setattr(Bucket, "download", lambda _, name, file: brought.append(file))
    fetch_below(copy)
    assert copy / "a" / "manifest.json" in brought
    assert all(file.is_relative_to(copy) and ".." not in file.parts for file in brought)
    assert (mine / "chapter").read_text() == "years of work"


def test_a_record_of_storing_is_not_taken_from_a_bucket(shop: Callable[[str], Bucket]) -> None:
    """It says which files to delete in the store once they are gone here."""
    store = shop("run")
    store.write("inner/" + STATE, b'{"push": "a", "next": "a", "files": {"../other/seal.json": [1, 1]}}')
    store.write("inner/" + "weights", b"x")
    store.write(STATE, b'{"push": "a"}')
    mirror = Mirror(local(store.uri), store)
    mirror.fetch()
    assert (mirror.folder / "inner" / "weights").is_file() and not (mirror.folder / "inner" / STATE).exists()


def test_names_of_brought_files_are_judged_before_any_is_deleted_in_the_store(
    shop: Callable[[str], Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, deleted = shop("run"), []
    mirror = Mirror(local(store.uri), store)
    mirror.folder.mkdir(parents=True)
    (mirror.folder / "metrics.jsonl").write_text("{}\n")
    mirror.push()
    known = json.loads((mirror.folder / STATE).read_text())
    known["files"] |= {"../other/weights": [1, 1], "/absolute": [1, 1], "gone": [1, 1]}
    (mirror.folder / STATE).write_text(json.dumps(known))
    monkeypatch.setattr(Bucket, "delete", lambda _, name: deleted.append(name))
    mirror.push()
    assert deleted == ["gone"]


@pytest.mark.parametrize("name", ["../../mine", "/mine", "..", ".", "", None, "a/b", "a\0"])
def test_a_trials_name_is_a_folders(tmp_path: Path, name: object) -> None:
    line = {"name": name, "overrides": [], "varied": {}, "choices": {}, "config": {}}
    (tmp_path / "trials.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(ConfigError, match="damaged: .*is no trial's name"):
        FrozenTrials(tmp_path / "trials.jsonl", "x").all()
    if isinstance(name, str):
        (tmp_path / "sweep.json").write_text(json.dumps({"trials": {name: {"score": 1}}}))
        assert SweepFolder(tmp_path).damaged


@pytest.mark.parametrize("link", [True, False])
@pytest.mark.parametrize("target", ["/etc", "../../mine", "..", ".", ".hidden", "a/b"])
def test_a_pointer_names_a_neighbour_only(tmp_path: Path, target: str, link: bool) -> None:
    if link:
        (tmp_path / "best").symlink_to(target)
    else:
        (tmp_path / "best").write_text(target + "\n")
    assert atomic.pointed(tmp_path / "best") is None
    atomic.point(tmp_path / "best", "step_1")
    assert atomic.pointed(tmp_path / "best") == "step_1"


def test_plain_names() -> None:
    assert all(map(is_plain, ["a", "000-lr=0.001-seed=2", "step_1", "é", "a b", "a..b"]))
    assert not any(map(is_plain, ["", ".", "..", ".a", "a/b", "/a", "a\0", "a\nb", "x" * 256, None, 3]))
    assert is_inside("checkpoints/step_1/weights") and is_inside("a")
    assert not any(map(is_inside, ["", "/a", "a//b", "a/", "a/../b", "./a", None]))


def test_a_run_that_cannot_begin_leaves_the_one_in_the_store(shop: Callable[[str], Bucket]) -> None:
    place = shop("runs").uri
    with RunFolder.create(place, "a") as run:
        run.metrics.write_text('{"env_steps": 1}\n')
        run.push()
    before = run.mirror.store.sizes()  # type: ignore[union-attr]
    with RunFolder.create(place, "a", overwrite=True) as run:
        run.push()
        assert run.mirror.store.sizes() == before  # type: ignore[union-attr]
        run.discard()
    run.push()
    assert run.mirror.store.sizes() == before  # type: ignore[union-attr]
    assert (fetched(f"{place}/a") / "metrics.jsonl").is_file()
    with RunFolder.create(place, "a", overwrite=True) as run:
        run.delete_earlier()
        run.push()
    assert "metrics.jsonl" not in run.mirror.store.sizes()  # type: ignore[union-attr]
