"""Folders and addresses in stores stand for each other, and what no run can be kept at is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp import compose
from rlexp.base.errors import ConfigError
from rlexp.storage.buckets.local_copies import address, check_place, is_uri, local
from rlexp.sweep.planning.plan import plan

PARTS = st.text(st.characters(min_codepoint=33, exclude_characters="/?\\"), min_size=1).filter(
    lambda part: part not in (".", "..")
)


@pytest.fixture(autouse=True)
def _copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLEXP_STORAGE", str(tmp_path / "copies"))


@pytest.mark.parametrize("folder", ["runs", "/shared/runs", "../a:b", "C:/runs", "a//b"])
def test_folders_stand_for_themselves(folder: str) -> None:
    check_place("runs_dir", folder)
    assert not is_uri(folder)
    assert local(folder) == Path(folder) and address(Path(folder)) == str(Path(folder))


@given(st.sampled_from(["s3", "gs", "abfs"]), st.lists(PARTS, min_size=1, max_size=4))
def test_an_address_and_its_copy_stand_for_each_other(scheme: str, parts: list[str]) -> None:
    place = f"{scheme}://{'/'.join(parts)}"
    assert is_uri(place) and address(local(place)) == place
    assert address(local(place) / "trials" / "0") == f"{place}/trials/0"


def test_copies_lie_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RLEXP_STORAGE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert local("s3://lab/runs/") == tmp_path / "rlexp" / "storage" / "s3" / "lab" / "runs"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("s3://bucket", "runs_dir=s3://<bucket>/runs"),
        ("s3://bucket/../runs", "names no folder"),
        ("s3://bucket/runs?scheme=http", "AWS_ENDPOINT_URL"),
        ("nowhere://bucket/runs", "no store goes by nowhere://"),
        ("file:///shared/runs", "runs_dir=/shared/runs"),
    ],
)
def test_refused(uri: str, told: str) -> None:
    with pytest.raises(ConfigError, match="runs_dir") as refused:
        compose([f"runs_dir='{uri}'"])
    assert told in str(refused.value)


def test_a_sweep_is_refused_too() -> None:
    with pytest.raises(ConfigError, match=r"sweep\.dir=s3://bucket"):
        plan(["seed=0,1", "sweep.dir=s3://bucket"])
