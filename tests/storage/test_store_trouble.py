"""One error of the disk while old checkpoints go or `latest` moves costs no run."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from stores import names, writer

from rlexp.base.files import atomic
from rlexp.storage.checkpoint.store import CheckpointStore, resolve


@pytest.mark.parametrize("what", ["remove", "point", "discard_folder"])
def test_an_error_once_is_told_and_made_good_by_the_next_save(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = CheckpointStore(tmp_path / "c", keep=1)
    store.save(10, writer("10"), score=1.0)
    store.save(20, writer("20"), score=2.0)

    def busy(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, what, busy)
        store.save(30, writer("30"), score=3.0)
        assert caplog.messages and resolve(tmp_path / "c")[0].step == 30
    store.save(40, writer("40"), score=4.0)
    assert names(tmp_path / "c") == ["best", "latest", "step_40"]
    assert atomic.pointed(tmp_path / "c" / "latest") == "step_40"
