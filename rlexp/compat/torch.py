"""torch's optimisers without its compiler (row `torch.optimizer_methods`), and its hooks (`torch.module_hooks`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.optim import Optimizer

from rlexp.compat.applied import usable

_COMPILER_LOADERS = ("add_param_group", "state_dict", "load_state_dict", "zero_grad")


@contextmanager
def without_dynamo() -> Iterator[None]:
    """Optimisers made, saved or loaded inside do not import torch's compiler, which costs one to two seconds a process.

    torch keeps its compiler from tracing these methods, and imports it to say so; here they are called plainly.
    Not for use while another thread does the same.
    """
    loaders = _COMPILER_LOADERS if usable("torch.optimizer_methods") else ()
    wrapped = {name: getattr(Optimizer, name) for name in loaders}
    for name, method in wrapped.items():
        setattr(Optimizer, name, getattr(method, "__wrapped__", method))
    try:
        yield
    finally:
        for name, method in wrapped.items():
            setattr(Optimizer, name, method)


def is_watched(module: nn.Module) -> bool:
    """True if a hook waits for passes through the module, or for its gradients: they need autograd."""
    return any(
        part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks
        for part in module.modules()
    ) or any(
        parameter._backward_hooks or parameter._post_accumulate_grad_hooks
        for parameter in module.parameters()
    )
