"""Readers of recorded data, and their arguments, are those that run no code; `data.trust=true` is one's own word."""

from __future__ import annotations

import pytest

from rlexp.base.errors import ConfigError
from rlexp.config.schema import DataChoice
from rlexp.config.trust.recorded_data import check_reading

REFUSED = [
    ({"input_read_method": "read_numpy"}, "data.input_read_method"),
    ({"input_read_method": "from_huggingface"}, "data.input_read_method"),
    ({"input_read_method": "DataContext"}, "data.input_read_method"),
    ({"input_read_method_kwargs": {"allow_pickle": True}}, "data.input_read_method_kwargs.allow_pickle"),
    ({"input_read_method_kwargs": {"ray_remote_args": {}}}, "data.input_read_method_kwargs.ray_remote_args"),
    ({"input_read_method_kwargs": {"columns": {"a": 1}}}, "data.input_read_method_kwargs.columns"),
    ({"map_batches_kwargs": {"runtime_env": {"pip": ["evil"]}}}, "data.map_batches_kwargs.runtime_env"),
    ({"map_batches_kwargs": {"fn_args": [1]}}, "data.map_batches_kwargs.fn_args"),
    ({"iter_batches_kwargs": {"_collate_fn": "x"}}, "data.iter_batches_kwargs._collate_fn"),
]


@pytest.mark.parametrize(("settings", "key"), REFUSED, ids=str)
def test_what_could_run_code_is_refused(settings: dict, key: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_reading(DataChoice(settings=settings))
    assert refusal.value.key == key and "data.trust=true" in str(refusal.value)
    check_reading(DataChoice(settings=settings, trust=True))


def test_readers_and_numbers_are_taken() -> None:
    check_reading(
        DataChoice(
            settings={
                "input_read_method": "read_json",
                "input_read_method_kwargs": {"columns": ["obs"], "override_num_blocks": 4},
                "map_batches_kwargs": {"concurrency": 2, "num_cpus": 1},
                "iter_batches_kwargs": {"prefetch_batches": 2},
            }
        )
    )
