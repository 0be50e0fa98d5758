"""An interrupt breaks off what takes long in an iteration: the wait for env runners, an evaluation, updates.

Updates end after the minibatch that is being made, not after all epochs of a batch. So weights and optimisers are those
of the end of a minibatch, and the iteration counts with all that it has sampled. The learners of the fast path ask by
themselves; here are RLlib's.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.compat import rllib
from rlexp.environment.hangs import interrupt_sampling
from rlexp.metrics.result_to_record import EVAL_SKIPPED

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.core.learner.learner import Learner
    from ray.rllib.core.learner.learner_group import LearnerGroup
    from ray.rllib.env.env_runner_group import EnvRunnerGroup

_BATCHES = "_create_iterator_if_necessary"


def make_interruptible(algorithm: Algorithm) -> None:
    """Lets `rlexp.environment.hangs.interrupt_sampling` end evaluations, updates, and the wait for remote samples.

    An evaluation that was ended counts as skipped. Updates may be made in this process or in a learner's own.
    """
    for group in _groups(algorithm):
        if group.num_remote_env_runners():
            group.foreach_env_runner = _inside(group.foreach_env_runner)
    algorithm.evaluate = _skippable(algorithm.evaluate)
    if (learners := getattr(algorithm, "learner_group", None)) is not None:
        _make_updates_interruptible(learners)


def end_busy_runners(algorithm: Algorithm) -> None:
    """Ends the processes of remote env runners, some of which may sample still and answer nothing before."""
    import ray

    for group in _groups(algorithm):
        for actor in rllib.actor_manager(group).actors().values():
            with contextlib.suppress(Exception):
                ray.kill(actor)
        rllib.actor_manager(group).clear()


def _groups(algorithm: Algorithm) -> list[EnvRunnerGroup]:
    groups = getattr(algorithm, "env_runner_group", None), getattr(algorithm, "eval_env_runner_group", None)
    return [group for group in groups if group is not None]


def _inside(wait: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(wait)
    def breakable(*args: Any, **kwargs: Any) -> Any:
        with interrupt_sampling.breakable():
            return wait(*args, **kwargs)

    return breakable


def _skippable(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(evaluate)
    def evaluated(*args: Any, **kwargs: Any) -> Any:
        try:
            with interrupt_sampling.breakable():
                interrupt_sampling.check()
                return evaluate(*args, **kwargs)
        except interrupt_sampling.SamplingCut:
            return {EVAL_SKIPPED: True}

    return evaluated


def _make_updates_interruptible(group: LearnerGroup) -> None:
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
