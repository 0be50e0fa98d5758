"""RLlib's learners, modules and distributions."""

from __future__ import annotations

from rlexp.compat.registry_row import Row, within

_LEARNER = "ray.rllib.core.learner.torch.torch_learner:TorchLearner."
_IMPALA = "ray.rllib.algorithms.impala.impala_learner:"
_DQN = "ray.rllib.algorithms.dqn.default_dqn_rl_module:DefaultDQNRLModule."
_LEARNING = "engine/learning/"

ROWS = (
    Row(
        name="rllib.learner",
        library="ray",
        targets=(
            "ray.rllib.core.learner.learner_group:LearnerGroup._learner",
            *within(
                _LEARNER,
                "_device",
                "_weights_seq_no",
                "_check_is_built(error)",
                "_torch_compile_complete_update",
                "_metrics_all_modules_num_env_steps_trained",
                "_metrics_all_modules_num_module_steps_trained",
                "_update(batch)",
                "_make_batch_if_necessary(training_data)",
            ),
        ),
        kind="private",
        why="an update on arrays, which counts and logs as stock's",
        without="no algorithm can be trained",
        need="needed",
        files=(
            "compat/rllib.py",
            "engine/algorithms/async_step.py",
            "engine/algorithms/shared_weights.py",
            f"{_LEARNING}learner.py",
            f"{_LEARNING}off_policy.py",
            f"{_LEARNING}on_policy.py",
            f"{_LEARNING}ppo.py",
            f"{_LEARNING}vtrace_learners.py",
            "run/stopping/interruptible_training.py",
        ),
    ),
    Row(
        name="rllib.optimizers",
        library="ray",
        targets=within(
            _LEARNER,
            "_optimizer_parameters",
            "_optimizer_lr_schedules",
            "_set_optimizer_lr(optimizer, lr)",
            "_get_optimizer_lr(optimizer)",
            "_lr_scheduler_classes",
            "_grad_scalers",
        ),
        kind="private",
        why="gradients are clipped and applied by one call, learning rates follow stock's schedules",
        without="no algorithm can be trained",
        need="needed",
        files=(
            "engine/learner_state.py",
            f"{_LEARNING}gradient_step.py",
            f"{_LEARNING}off_policy.py",
        ),
    ),
    Row(
        name="rllib.optimizer_state",
        library="ray",
        targets=within(_LEARNER, "_get_optimizer_state()", "_set_optimizer_state(state)"),
        kind="private",
        why="an optimiser's state is saved and loaded without loading torch's compiler",
        without="each process that saves loads the compiler",
        need="needed",
        files=(f"{_LEARNING}learner.py",),
        issue="https://github.com/ray-project/ray/pull/61937",
    ),
    Row(
        name="rllib.kl_coefficient",
        library="ray",
        targets=("ray.rllib.algorithms.ppo.torch.ppo_torch_learner:PPOTorchLearner._update_module_kl_coeff",),
        kind="private",
        why="PPO's KL coefficient follows what the fast update measured",
        without="PPO's KL coefficient stays as it began",
        need="needed",
        files=(f"{_LEARNING}ppo.py",),
    ),
    Row(
        name="rllib.learner_thread",
        library="ray",
        targets=(
            *within(f"{_IMPALA}IMPALALearner.", "_learner_thread", "_agg_event"),
            f"{_IMPALA}_LearnerThread._update_method",
        ),
        kind="private",
        why="the thread of IMPALA's learner makes our update, and an error in it reaches the main thread",
        without="IMPALA and APPO cannot be trained on the fast path",
        need="needed",
        files=(f"{_LEARNING}vtrace_learners.py",),
    ),
    Row(
        name="rllib.target_networks",
        library="ray",
        targets=within(_DQN, "_target_encoder", "_target_af", "_target_vf"),
        kind="private",
        why="DQN's target networks, whose values the fast update computes",
        without="DQN cannot be trained on the fast path",
        need="needed",
        files=(f"{_LEARNING}dqn.py",),
    ),
    Row(
        name="rllib.modules",
        library="ray",
        targets=(
            "ray.rllib.core.rl_module.rl_module:RLModule._forward(batch, **kwargs)",
            "ray.rllib.core.rl_module.rl_module:RLModule._forward_train(batch, **kwargs)",
            "ray.rllib.core.models.catalog:Catalog._model_config_dict",
            "ray.rllib.core.models.catalog:Catalog._get_dist_cls_from_action_space",
        ),
        kind="private",
        why="modules of ours are made as RLlib's own: their forward pass, layers and action distribution",
        without="the shipped models cannot be built",
        need="needed",
        files=("models/mlp_critics.py", "models/separate.py", f"{_LEARNING}on_policy.py"),
    ),
    Row(
        name="rllib.model_settings",
        library="ray",
        targets=("ray.rllib.algorithms.algorithm_config:AlgorithmConfig._model_config_auto_includes",),
        kind="private",
        why="a lab's module is checked with the settings that its algorithm would give it",
        without="`rlexp.testing` cannot check a module",
        need="needed",
        files=("testing/module.py",),
    ),
    Row(
        name="rllib.distribution_sizes",
        library="ray",
        targets=(
            "ray.rllib.core.distribution.distribution:Distribution.get_partial_dist_cls(parent_cls, **partial_kwargs)",
        ),
        kind="private",
        why="the sizes of a multi-discrete action space, from the class that RLlib made for it",
        without="multi-discrete actions are left to RLlib's own, slower distribution",
        need="faster",
        files=(f"{_LEARNING}distributions.py",),
        made=("_merge_kwargs",),
    ),
)
