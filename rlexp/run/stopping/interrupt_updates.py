"""An interrupt ends a learner's updates after the minibatch that is being made, not after all epochs of a batch.

So weights and optimisers are those of the end of a minibatch, and the iteration counts with all that it has sampled.
The learners of the fast path ask by themselves; here are RLlib's.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.compat import rllib
from rlexp.environment.hangs import interrupt_sampling

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.core.learner.learner import Learner

_BATCHES = "_create_iterator_if_necessary"


def make_updates_breakable(algorithm: Algorithm) -> None:
    """Lets `rlexp.environment.hangs.interrupt_sampling` end updates, in this process or in a learner's own."""
    group = getattr(algorithm, "learner_group", None)
    if group is None:
        return
    call: Callable[[], None] | None = None
    if group.is_local:
        _end_with_a_minibatch(rllib.local_learner(group))
    else:
        from rlexp.run.stopping import request_relay

        token = uuid.uuid4().hex
        group.foreach_learner(partial(_listen, token=token))
        call = partial(request_relay.announce, token)
    group.update = _one_more(group.update, call)


def _end_with_a_minibatch(learner: Learner) -> None:
    batches = getattr(learner, _BATCHES)

    @functools.wraps(batches)
    def breakable(*args: Any, **kwargs: Any) -> Any:
        return _until(batches(*args, **kwargs), _all_requested(learner))

    setattr(learner, _BATCHES, breakable)


def _until(batches: Iterable[Any], requested: Callable[[], bool]) -> Iterator[Any]:
    """At least one, since RLlib reads what the last one has brought."""
    for batch in batches:
        yield batch
        if requested():
            return


def _all_requested(learner: Any) -> Callable[[], bool]:
    """Whether to end, the same for all learners of a group: each waits for the others' gradients in every minibatch."""
    import torch
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        return interrupt_sampling.requested

    def any_requested() -> bool:
        asked = torch.tensor([interrupt_sampling.requested()], dtype=torch.int32, device=learner._device)
        distributed.all_reduce(asked, op=distributed.ReduceOp.MAX)
        return bool(asked.item())

    return any_requested


def _one_more(update: Callable[..., Any], call: Callable[[], None] | None) -> Callable[..., Any]:
    """`update`, once at most after an interrupt: some training steps make hundreds."""
    made_since = False

    @functools.wraps(update)
    def updated(*args: Any, **kwargs: Any) -> Any:
        nonlocal made_since
        if call is not None:
            interrupt_sampling.tell_of_request(call)
        if made_since and interrupt_sampling.requested():
            raise interrupt_sampling.UpdatesCut
        made_since = interrupt_sampling.requested()
        return update(*args, **kwargs)

    return updated


def _listen(learner: Learner, *, token: str, **_: Any) -> None:
    """In a learner's own process, to its end."""
    from rlexp.run.stopping import request_relay

    _end_with_a_minibatch(learner)
    _for_ever.enter_context(request_relay.listening(token, grace_s=0.0))


_for_ever = ExitStack()
