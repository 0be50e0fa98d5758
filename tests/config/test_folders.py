"""Where runs lie: a URI is refused before a folder of that name is made."""

from __future__ import annotations

import pytest

from rlexp import compose
from rlexp.config.folders import check_folder
from rlexp.errors import ConfigError
from rlexp.sweep.plan import plan


@pytest.mark.parametrize("folder", ["runs", "/shared/runs", "../a:b", "C:/runs", "a//b"])
def test_folders(folder: str) -> None:
    check_folder("runs_dir", folder)


@pytest.mark.parametrize(
    ("uri", "fix"),
    [
        ("s3://bucket/runs", "mounted"),
        ("gs://bucket", "mounted"),
        ("file:///shared/runs", "runs_dir=/shared/runs"),
    ],
)
def test_uris(uri: str, fix: str) -> None:
    with pytest.raises(ConfigError, match="runs_dir") as refused:
        compose([f"runs_dir={uri}"])
    assert fix in str(refused.value)


def test_a_sweep_at_a_uri() -> None:
    with pytest.raises(ConfigError, match=r"sweep\.dir=s3://bucket/sweeps"):
        plan(["seed=0,1", "sweep.dir=s3://bucket/sweeps"])
