"""A replay buffer of one's own is looked at before anything is built."""

from __future__ import annotations

import pytest

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.run.building.prepare import check_callables

TYPE = "algorithm.replay_buffer_config.type"


def test_a_class_whose_source_does_not_tell_its_kind_is_imported_and_judged() -> None:
    config = rlexp.compose(["algorithm=dqn", f"{TYPE}=types.SimpleNamespace"])
    with pytest.raises(ConfigError, match="types.SimpleNamespace is no replay buffer") as refused:
        check_callables(config)
    assert refused.value.key == TYPE


def test_a_class_of_rllibs_by_import_path_is_taken() -> None:
    path = "ray.rllib.utils.replay_buffers.prioritized_episode_buffer.PrioritizedEpisodeReplayBuffer"
    check_callables(rlexp.compose(["algorithm=dqn", f"{TYPE}={path}"]))
