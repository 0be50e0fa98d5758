"""The curriculum's place in RLlib's env-to-module connectors, and how a payload is published to all of them.

RLlib sends the connectors' state to every env runner: one that is started anew, a restored run and a Tune clone get the
payload as they get weights. It imports RLlib.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ray.rllib.connectors.connector_v2 import ConnectorV2

from rlexp.compat import rllib
from rlexp.environment.tasks.payload import Payload

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm


class CurriculumConnector(ConnectorV2):
    """Holds the payload that the runner hands to its environments; observations pass unchanged.

    It must be the pipeline's first piece: RLlib counts states, not pieces, when it merges those of a pipeline.

    Attributes:
        follows: True if tasks come from the payload that training sends; False in evaluation.
        targets: what to draw from otherwise; None leaves environments their own task.
    """

    follows = True
    targets: Payload | None = None
    _payload: Payload | None = None

    @property
    def payload(self) -> Payload | None:
        """What to draw tasks from; None before the first state has come."""
        return self._payload if self.follows else self.targets

    def publish(self, payload: Payload) -> None:
        """In the main process: the newest, which the next sync sends to all."""
        self._payload = payload

    def __call__(self, *, batch: dict[str, Any], **kwargs: Any) -> Any:
        """Nothing to do."""
        return batch

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The payload as bytes, which any checkpoint format takes."""
        if self._payload is None:
            return {"generation": -1, "version": -1, "base": -1, "payload": b""}
        packed = pickle.dumps(self._payload, protocol=pickle.HIGHEST_PROTOCOL)
        generation, version, base = self._payload.age
        return {"generation": generation, "version": version, "base": base, "payload": packed}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes over what was merged or saved; also an older one, for a restored run goes back."""
        if state["version"] >= 0 and _age(state) != self._own_age():
            self._payload = pickle.loads(state["payload"])

    def merge_states(self, states: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The newest of its own and the others': a runner's late state never undoes a promotion."""
        newest = max([self.get_state(), *states], key=_age)
        self.set_state(newest)
        return newest

    def _own_age(self) -> tuple[int, int, int]:
        return self._payload.age if self._payload is not None else (-1, -1, -1)


def _age(state: dict[str, Any]) -> tuple[int, int, int]:
    # Checkpoints of before there were generations have none.
    return int(state.get("generation", 0)), int(state["version"]), int(state["base"])


def curriculum_piece(pipeline: Any) -> CurriculumConnector | None:
    """The curriculum's piece of an env-to-module pipeline; None where the run has no curriculum."""
    pieces = getattr(pipeline, "connectors", ())
    return next((piece for piece in pieces if isinstance(piece, CurriculumConnector)), None)


def with_curriculum(*args: Any, then: Any) -> list[Any]:
    """Fresh env-to-module pieces for training, the curriculum's first.

    Args:
        args: RLlib's, passed on.
        then: makes the other pieces; None for none.
    """
    return [CurriculumConnector(), *(then(*args) if then is not None else ())]


def with_targets(*args: Any, then: Any, targets: Payload | None) -> list[Any]:
    """The same for evaluation, whose tasks are `targets`; None: the environment's own."""
    piece = CurriculumConnector()
    piece.follows, piece.targets = False, targets
    return [piece, *(then(*args) if then is not None else ())]


def publish(algorithm: Algorithm, payload: Payload) -> None:
    """Sets the payload in this process; RLlib's next sync of states takes it to the other runners."""
    for pipeline in (
        rllib.env_to_module(algorithm.env_runner),
        algorithm.env_to_module_connector,
    ):
        piece = curriculum_piece(pipeline)
        if piece is not None:
            piece.publish(payload)


def publish_now(algorithm: Algorithm, payload: Payload) -> None:
    """As `publish`, to all runners at once: before a run's first sample, and after a restore."""
    publish(algorithm, payload)
    group = algorithm.env_runner_group
    if group is not None and group.num_healthy_remote_workers():
        group.foreach_env_runner(partial(_receive, payload=payload), local_env_runner=False)


def _receive(runner: Any, payload: Payload) -> None:
    piece = curriculum_piece(rllib.env_to_module(runner))
    if piece is not None:
        piece.publish(payload)
