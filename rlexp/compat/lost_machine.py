"""Trials whose machine is lost: they go on elsewhere, and that is no failure of theirs.

Ray Tune forgives this only where a cloud has announced that it takes the machine away.

Imported only once a sweep runs: it imports Ray Tune.
"""

from __future__ import annotations

import time
from typing import Any

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, GetTimeoutError, RayActorError
from ray.tune.experiment import Trial
from ray.tune.search import SearchGenerator

from rlexp.compat.applied import need

MOST = 10
"""Machines that one trial may lose before it counts as failing: it might be what brings them down."""
DECIDED_S = 60.0
"""Within so many seconds Ray's head has noticed that a machine is gone: by then it has missed five of its questions."""
ASK_S = 0.5
LOST = "its machine was lost"
_RAY_SAYS = "node has died"


class MovableTrial(Trial):
    """A trial of Tune's whose failures are its own ones alone.

    Attributes:
        machines_lost: so far.
        just_lost: whether its last failure was a machine's.
    """

    machines_lost, just_lost = 0, False

    def set_ray_actor(self, ray_actor: Any) -> None:
        """See Tune's, which forgets the process before it says what has become of it."""
        super().set_ray_actor(ray_actor)
        if ray_actor is not None:
            self.temporary_state.last_actor = ray_actor

    def handle_error(self, exc: Any = None) -> None:
        """See Tune's."""
        self.just_lost = False
        super().handle_error(exc)

    def _handle_ray_actor_error(self, exc: RayActorError) -> None:
        if self.machines_lost < MOST and self._lost_with(exc):
            self.machines_lost, self.just_lost = self.machines_lost + 1, True
        else:
            super()._handle_ray_actor_error(exc)

    def _lost_with(self, exc: RayActorError) -> bool:
        """Whether the process is gone because its machine is; at first Ray only knows that it does not answer."""
        actor, until = getattr(self.temporary_state, "last_actor", None), time.monotonic() + DECIDED_S
        while isinstance(exc, ActorUnavailableError) and actor is not None:
            try:
                ray.get(actor.__ray_ready__.remote(), timeout=DECIDED_S)
                return True
            except GetTimeoutError:
                return True
            except RayActorError as error:
                exc = error
            if time.monotonic() > until:
                return True
            time.sleep(ASK_S)
        return isinstance(exc, ActorDiedError) and _RAY_SAYS in str(exc)


class Movable(SearchGenerator):
    """Makes Tune's trials movable ones."""

    def create_trial_if_possible(self, experiment_spec: dict[str, Any]) -> Trial | None:
        """See Tune's."""
        need("tune.lost_machine")
        trial = super().create_trial_if_possible(experiment_spec)
        if trial is not None:
            trial.__class__ = MovableTrial
        return trial
