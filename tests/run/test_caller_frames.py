"""RLlib's connectors keep the same arguments when only frames are looked up."""

from __future__ import annotations

import inspect
from typing import Any

import gymnasium
import numpy as np

from rlexp.compat import caller_frames

BOX, TWO = gymnasium.spaces.Box(-1, 1, (3,), np.float32), gymnasium.spaces.Discrete(2)


def made() -> list[Any]:
    """One of RLlib's with arguments of its own, one with none, a derived one and a pipeline of both."""
    from ray.rllib.connectors.common import AddStatesFromEpisodesToBatch
    from ray.rllib.connectors.connector_pipeline_v2 import ConnectorPipelineV2
    from ray.rllib.connectors.module_to_env import ListifyDataForVectorEnv, NormalizeAndClipActions

    class Derived(NormalizeAndClipActions):
        """Passes its own on."""

        def __init__(self, *positional: Any, extra: int = 3, **keywords: Any) -> None:
            super().__init__(*positional, **keywords)
            self.extra = extra

    pieces = [
        AddStatesFromEpisodesToBatch(BOX, TWO, as_learner_connector=True),
        ListifyDataForVectorEnv(BOX, TWO),
        Derived(BOX, TWO, normalize_actions=True, clip_actions=False),
    ]
    return [*pieces, ConnectorPipelineV2(BOX, TWO, connectors=pieces)]


def test_connectors_keep_the_arguments_that_the_whole_stack_gives(monkeypatch: Any) -> None:
    from ray.rllib.connectors import connector_v2

    monkeypatch.setattr(connector_v2, "inspect", inspect)
    stock = [piece._ctor_kwargs for piece in made()]
    caller_frames.install()
    assert isinstance(connector_v2.inspect, caller_frames.FramesOnly)
    ours = [piece._ctor_kwargs for piece in made()]
    assert stock[0]["as_learner_connector"] is True and len(stock) == 4
    for before, after in zip(stock[:3], ours[:3], strict=True):
        assert {k: str(v) for k, v in before.items()} == {k: str(v) for k, v in after.items()}
    assert stock[3].keys() == ours[3].keys()


def test_rllib_still_searches_the_stack_for_one_frame() -> None:
    """Else this can go."""
    from ray.rllib.connectors.connector_v2 import ConnectorV2

    assert "inspect.stack()[1].frame" in inspect.getsource(ConnectorV2.__init__)
