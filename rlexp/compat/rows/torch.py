"""torch."""

from __future__ import annotations

from rlexp.compat.registry_row import Row, within

_OPTIMIZER = "torch.optim.optimizer:Optimizer."

ROWS = (
    Row(
        name="torch.optimizer_methods",
        library="torch",
        targets=within(
            _OPTIMIZER,
            "add_param_group(param_group)",
            "state_dict()",
            "load_state_dict(state_dict)",
            "zero_grad(set_to_none)",
        ),
        kind="patch",
        why="an optimiser that is made, saved or loaded does not load torch's compiler",
        without="each process loads the compiler: one to two seconds",
        need="faster",
        files=("compat/torch.py",),
        fault="tests/compat/test_torch_faults.py::test_torch_wraps_an_optimisers_methods_for_its_compiler",
    ),
    Row(
        name="torch.deterministic_mode",
        library="torch",
        targets=("torch._C:_set_deterministic_algorithms(mode, warn_only)",),
        kind="private",
        why="the deterministic mode without loading torch's compiler",
        without="each process loads the compiler: one to two seconds",
        need="faster",
        files=("compat/determinism.py",),
        issue="https://github.com/pytorch/pytorch/pull/165950",
    ),
    Row(
        name="torch.step_hooks",
        library="torch",
        targets=within(_OPTIMIZER, "_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"),
        kind="private",
        why="an optimiser with hooks steps by itself, so that they are called",
        without="the fused step cannot be judged",
        need="needed",
        files=("engine/learning/adam.py",),
    ),
    Row(
        name="torch.module_hooks",
        library="torch",
        targets=(
            *within(
                "torch.nn.modules.module:Module.",
                "_forward_hooks",
                "_forward_pre_hooks",
                "_backward_hooks",
                "_backward_pre_hooks",
            ),
            *within("torch:Tensor.", "_backward_hooks", "_post_accumulate_grad_hooks"),
        ),
        kind="private",
        why="a module with hooks learns by autograd, so that they are called",
        without="the gradients by formula cannot be judged",
        need="needed",
        files=("compat/torch.py",),
    ),
    Row(
        name="torch.foreach",
        library="torch",
        targets=within(
            "torch:",
            "_foreach_add_",
            "_foreach_norm",
            "_foreach_mul_",
            "_foreach_clamp_min_",
            "_foreach_clamp_max_",
            "_foreach_copy_",
            "_foreach_lerp_",
            "_fused_adam_",
        ),
        kind="private",
        why="one call for all parameters: norms, clipping, target networks and Adam",
        without="no algorithm can be trained",
        need="needed",
        files=(
            "engine/learning/adam.py",
            "engine/learning/gradient_step.py",
            "engine/learning/off_policy.py",
            "engine/gradients/encoded_actor_critic.py",
        ),
    ),
    Row(
        name="torch.linear_pointwise",
        library="torch",
        # The operator itself is compiled; this is how torch's own source describes it.
        targets=(
            "torch._meta_registrations:meta_linear_pointwise_default"
            "(input_tensor, weight, bias, attr, scalars, algorithm)",
        ),
        kind="private",
        why="oneDNN's linear layer, which has an activation at no cost and faster kernels on some processors",
        without="linear layers are multiplied by numpy or by torch's own kernels",
        need="faster",
        files=("engine/dense/products.py",),
        made=("_linear_pointwise",),
    ),
)
