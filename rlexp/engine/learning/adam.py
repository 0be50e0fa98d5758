"""Adam (Kingma and Ba 2015) by one call of torch's fused kernel, on an optimiser that stays torch's own.

`torch.optim.Adam.step` spends several times longer in Python than in arithmetic when a network is small. The lists
of tensors that its kernel takes are the same at each step, so `FusedAdam` builds them once. Moments and step counts
stay in `optimizer.state`, as torch keeps them: state dicts, checkpoints and learning rates work as ever.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from rlexp.engine.dense.flat_parameters import FlatParameters

_MOMENTS = ("exp_avg", "exp_avg_sq")


def fusible(optimizer: Optimizer) -> bool:
    """True if `FusedAdam` does what `optimizer.step` would do: a plain Adam on dense real parameters of one kind."""
    if type(optimizer) is not Adam or _is_watched(optimizer):
        return False
    return all(_plain(group) for group in optimizer.param_groups)


def _is_watched(optimizer: Optimizer) -> bool:
    """True if something wants to know of each call of `step`: a hook, or a scheduler of torch's, which wraps it."""
    return bool(
        "step" in optimizer.__dict__
        or optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
    )


def _plain(group: dict[str, Any]) -> bool:
    if any(
        group.get(option) for option in ("amsgrad", "capturable", "differentiable", "decoupled_weight_decay")
    ):
        return False
    kinds = {(parameter.device, parameter.dtype, parameter.layout) for parameter in group["params"]}
    if len(kinds) != 1:
        return False
    device, dtype, layout = kinds.pop()
    return (
        device.type in ("cpu", "cuda") and dtype in (torch.float32, torch.float64) and layout == torch.strided
    )


class FusedAdam:
    """The step of one Adam optimiser whose gradients lie in `parameter.grad`, or side by side in one buffer.

    An optimiser that `fusible` refuses is stepped by its own `step`.

    Args:
        optimizer: torch's.
        flat: the buffer that holds its parameters, if one does; its moments are put side by side, too.
    """

    def __init__(self, optimizer: Optimizer, flat: FlatParameters | None = None) -> None:
        self._optimizer = optimizer
        self._flat = flat
        self._fusible = False
        self._groups: list[_Group] = []
        self._read()

    def step(self) -> None:
        """Update the parameters in place; those without a gradient stay as they are."""
        if self._is_stale():
            self._read()
        if not self._fusible:
            self._optimizer.step()
            return
        with torch.no_grad():
            for group in self._groups:
                group.step()

    def step_flat(self) -> None:
        """As `step`, in one pass over the buffers, whose gradients are those in `parameter.grad`, too."""
        if self._is_stale():
            self._read()
        assert self._flat is not None
        if self._fusible and len(self._groups) == 1 and self._groups[0].step_flat(self._flat):
            return
        self.step()

    def _is_stale(self) -> bool:
        """True if the optimiser's state was loaded, cleared or extended since the lists were built."""
        optimizer = self._optimizer
        return (
            optimizer.state is not self._state
            or optimizer.param_groups is not self._param_groups
            or len(optimizer.param_groups) != self._num_groups
            or len(optimizer.state) != self._num_states
            or (self._fusible and _is_watched(optimizer))
        )

    def _read(self) -> None:
        optimizer = self._optimizer
        self._fusible = fusible(optimizer)
        self._groups = []
        if self._fusible:
            one = self._flat if len(optimizer.param_groups) == 1 else None
            self._groups = [_Group(group, optimizer.state, one) for group in optimizer.param_groups]
        self._state, self._param_groups = optimizer.state, optimizer.param_groups
        self._num_groups, self._num_states = len(optimizer.param_groups), len(optimizer.state)


class _Group:
    """A parameter group as the lists that the kernel takes."""

    def __init__(
        self, group: dict[str, Any], states: dict[Tensor, dict[str, Tensor]], flat: FlatParameters | None
    ) -> None:
        self._group = group
        self._parameters: list[Tensor] = group["params"]
        each = [_state_of(parameter, states) for parameter in self._parameters]
        self._moments = [] if flat is None else [_joined(flat, each, name) for name in _MOMENTS]
        self._means = [state["exp_avg"] for state in each]
        self._squares = [state["exp_avg_sq"] for state in each]
        # The counts side by side in one tensor, of which each state holds its own: one addition counts them all.
        self._counts = torch.stack([state["step"] for state in each])
        self._steps = [self._counts[i] for i in range(len(each))]
        self._equal_counts = False
        self._counts_as_array: Any = None if flat is None else self._counts.numpy()
        for state, count in zip(each, self._steps, strict=True):
            state["step"] = count

    def step(self) -> None:
        gradients: list[Any] = [parameter.grad for parameter in self._parameters]
        lists = (self._parameters, gradients, self._means, self._squares, self._steps)
        if any(gradient is None for gradient in gradients):
            chosen = [i for i, gradient in enumerate(gradients) if gradient is not None]
            if not chosen:
                return
            lists = tuple([column[i] for i in chosen] for column in lists)  # type: ignore[assignment]
            torch._foreach_add_(lists[-1], 1.0)
            self._equal_counts = False
        else:
            self._counts.add_(1.0)
        self._call(*lists)

    def step_flat(self, flat: FlatParameters) -> bool:
        """One pass over the buffers; false, and nothing done, where the parameters' step counts differ."""
        if not self._moments or not self._counts_are_equal():
            return False
        self._counts_as_array += 1.0  # a tenth of what torch takes for one number
        means, squares = self._moments
        self._call([flat.weights], [flat.gradients], [means], [squares], self._steps[:1])
        return True

    def _counts_are_equal(self) -> bool:
        if not self._equal_counts:  # Asked once: from then on each step counts all of them.
            self._equal_counts = bool((self._counts == self._counts[0]).all())
        return self._equal_counts

    def _call(
        self,
        parameters: list[Tensor],
        gradients: list[Any],
        means: list[Tensor],
        squares: list[Tensor],
        steps: list[Tensor],
    ) -> None:
        group = self._group
        rate, (beta1, beta2) = group["lr"], group["betas"]
        torch._fused_adam_(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            lr=rate if isinstance(rate, Tensor) else float(rate),
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=group["maximize"],
        )


def _joined(flat: FlatParameters, states: list[dict[str, Tensor]], name: str) -> Tensor:
    """One moment of all parameters side by side; each state holds its part of it from now on."""
    joined = torch.empty_like(flat.weights)
    for state, view in zip(states, flat.views(joined), strict=True):
        view.copy_(state[name])
        state[name] = view
    return joined


def _state_of(parameter: Tensor, states: dict[Tensor, dict[str, Tensor]]) -> dict[str, Tensor]:
    """A parameter's state; Adam's first one if it has none. The kernel wants the step count beside the parameter."""
    state = states[parameter]
    if not state:
        state["step"] = torch.zeros((), dtype=torch.float32)
        state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    state["step"] = state["step"].to(parameter.device, torch.float32)
    return state
