"""What RLlib's learners know and RLlib's checkpoints leave out.

Of a learner, RLlib saves the module and the optimisers. It forgets SAC's temperature, PPO's KL coefficient,
MARWIL's norm of advantages, and when target networks were last updated: they start anew after a restore.
Schedules other than the optimisers' stand at their first value, too, until the first update is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.core.learner.learner import Learner

VARIABLES = ("curr_log_alpha", "curr_kl_coeffs_per_module", "moving_avg_sqd_adv_norms_per_module")
"""Attributes of learners that map a module's name to a tensor which training changes."""

MOMENTS = ("last_update_ts_by_mid", "_last_update_ts_by_mid")
"""Attributes of learners that map a module's name to the time step of something's last update."""

State = dict[str, dict[str, Any]]


def read(algorithm: Algorithm) -> State:
    """What to keep beside RLlib's checkpoint: plain values by attribute and module."""
    return _first(algorithm, _read)


def write(algorithm: Algorithm, state: State, env_steps: int) -> None:
    """Puts `state` back, and every schedule where it stands after `env_steps`.

    Learning rates come from the config, not from the checkpoint's optimisers, so that another one can be
    given on resume.
    """
    algorithm.learner_group.foreach_learner(_write, state=state, env_steps=env_steps)


def _first(algorithm: Algorithm, function: Any) -> Any:
    # All learners of a group hold the same.
    return algorithm.learner_group.foreach_learner(function).result_or_errors[0].get()


def _read(learner: Learner, **_: Any) -> State:
    state: State = {}
    for name in VARIABLES:
        variables = getattr(learner, name, {})
        state[name] = {module: value.detach().cpu().tolist() for module, value in variables.items()}
    for name in MOMENTS:
        state[name] = {module: int(step) for module, step in getattr(learner, name, {}).items()}
    return {name: values for name, values in state.items() if values}


def _write(learner: Learner, *, state: State, env_steps: int, **_: Any) -> None:
    for name in VARIABLES:
        for module, value in state.get(name, {}).items():
            variable = getattr(learner, name)[module]
            # In place: the temperature's optimiser holds this very tensor.
            variable.data = torch.as_tensor(value, dtype=variable.dtype, device=variable.device)
    for name in MOMENTS:
        if name in state:
            getattr(learner, name).update(state[name])
    _set_schedules(learner, env_steps)


def _set_schedules(learner: Learner, env_steps: int) -> None:
    for optimizer, schedule in learner._optimizer_lr_schedules.items():
        learner._set_optimizer_lr(optimizer, lr=float(schedule.update(timestep=env_steps)))
    for module in learner.module.keys():  # noqa: SIM118  # a MultiRLModule is no mapping
        if hasattr(learner, "entropy_coeff_schedulers_per_module"):
            learner.entropy_coeff_schedulers_per_module[module].update(timestep=env_steps)
