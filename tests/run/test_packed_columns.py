"""Recorded data is read without running what is in it: arrays are read, anything else is refused."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import Canary

from rlexp.base.errors import RunFailedError
from rlexp.compat.packed_columns import decoded, unpacked


def pack(value: Any) -> str:
    from ray.rllib.utils.compression import pack as rllibs

    return str(rllibs(value))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.zeros((2, 2, 3), np.uint8),
        np.asfortranarray(np.ones((3, 2))),
        np.array([1, 2])[::2],
        np.float64(0.5),
        np.array(["a", "b"]),
        np.array([{"a": 1}, None], dtype=object),
        [1, 2.0, "three"],
    ],
    ids=repr,
)
def test_packed_arrays_are_read(array: Any) -> None:
    np.testing.assert_equal(unpacked(pack(array)), array)


def test_what_is_not_packed_stays_as_it_is() -> None:
    row = [0.0, 1.0]
    assert unpacked(row) is row


def test_a_packed_column_that_would_run_code_is_refused(tmp_path: Path) -> None:
    for hostile in (Canary(tmp_path / "canary"), np.array([Canary(tmp_path / "canary")], dtype=object)):
        with pytest.raises(RunFailedError, match=r"data\.trust=true"):
            unpacked(pack(hostile))
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("text", ["", "not base64 ...", "AAAA"])
def test_a_column_of_text_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(RunFailedError, match="packed column"):
        unpacked(text)


def test_episodes_are_decoded_without_their_pickles(tmp_path: Path) -> None:
    numpys = pytest.importorskip("msgpack_numpy")
    decode = partial(decoded, numpys.decode)
    np.testing.assert_equal(decode(numpys.encode(np.ones(3))), np.ones(3))
    assert decode({"obs": 1}) == {"obs": 1}
    for kind, described in ((b"O", "|O"), (b"", "|O8"), (b"V", [("x", "|O8")])):
        data = pickle.dumps(Canary(tmp_path / "canary"))
        with pytest.raises(RunFailedError, match="array of objects"):
            decode({b"nd": True, b"kind": kind, b"type": described, b"shape": [1], b"data": data})
    assert not (tmp_path / "canary").exists()
