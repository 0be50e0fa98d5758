"""Keywords that RLlib 2.60's builders accept for an algorithm and then ignore, or reject late: by algorithm.

Each is refused before anything starts, with the reason and what to write instead: an option that does nothing is
worse than an unknown one. Read off RLlib's sources; `rlexp.config.keys.key_table` has those of all algorithms.
"""

from __future__ import annotations

from collections.abc import Mapping

Ignored = Mapping[str, tuple[str, str]]
"""By keyword: why it has no effect, and what to write instead."""

_OLD = "is read by RLlib's old API stack alone"

_SOFT: Ignored = {
    "lr": (
        "must stay null: each network has a rate of its own",
        "algorithm.actor_lr, algorithm.critic_lr, algorithm.alpha_lr",
    ),
    "q_model_config": (_OLD, "keys of the model group"),
    "policy_model_config": (_OLD, "keys of the model group"),
    "optimization_config": (_OLD, "algorithm.actor_lr, algorithm.critic_lr, algorithm.alpha_lr"),
    "_deterministic_loss": (_OLD, "remove it"),
    "_use_beta_distribution": (_OLD, "remove it"),
    "clip_actions": ("belongs to the environment", "env.clip_actions"),
}
"""SAC and what derives from it."""

_NO_EPOCHS: Ignored = {
    "num_epochs": ("one pass is made over each batch", "algorithm.training_intensity (off-policy)"),
    "minibatch_size": ("the whole batch makes one update", "algorithm.train_batch_size_per_learner"),
    "shuffle_batch_per_epoch": ("one pass is made over each batch", "remove it"),
}
"""Those that make one pass over each batch."""

_GAE: Ignored = {
    "use_gae": ("GAE (PPO) or V-trace (APPO) is always used", "algorithm.lambda_ (PPO)"),
}
"""PPO and APPO."""

_V_TRACE: Ignored = {
    "vtrace": ("V-trace is always used", "remove it"),
    "num_multi_gpu_tower_stacks": (_OLD, "hardware.num_learners, hardware.num_gpus_per_learner"),
    "minibatch_buffer_size": (
        _OLD,
        "algorithm.circular_buffer_num_batches, circular_buffer_iterations_per_batch (APPO)",
    ),
    "replay_proportion": ("is rejected on the new API stack", "algorithm.circular_buffer_* (APPO)"),
    "replay_buffer_num_slots": (_OLD, "algorithm.circular_buffer_num_batches (APPO)"),
    "learner_queue_timeout": (_OLD, "remove it"),
    "timeout_s_aggregator_manager": (_OLD, "remove it"),
    "num_aggregation_workers": ("is an old name", "hardware.num_aggregator_actors_per_learner"),
    "max_requests_in_flight_per_aggregator_worker": (
        "is an old name",
        "hardware.max_requests_in_flight_per_aggregator_actor",
    ),
    "opt_type": ("Adam is always used", "remove it"),
    "decay": ("Adam is always used (it was RMSProp's)", "remove it"),
    "momentum": ("Adam is always used (it was RMSProp's)", "remove it"),
    "epsilon": ("Adam is always used (it was RMSProp's)", "remove it"),
    "_separate_vf_optimizer": (_OLD, "remove it"),
    "_lr_vf": (_OLD, "remove it; algorithm.lr is the step size of both"),
}
"""APPO and IMPALA."""

_REPLAY: Ignored = {
    "store_buffer_in_checkpoints": (_OLD, "checkpoint.replay"),
}
"""Those that replay."""

_NO_ADVANTAGE: Ignored = {
    "vf_coeff": ("is MARWIL's value loss", "algorithm=marwil"),
    "moving_average_sqd_adv_norm_update_rate": ("is MARWIL's", "algorithm=marwil"),
    "moving_average_sqd_adv_norm_start": ("is MARWIL's", "algorithm=marwil"),
}
"""BC and IQL, which derive from MARWIL."""

_OFFLINE: Ignored = {
    "rollout_fragment_length": ("nothing is sampled in training", "algorithm.train_batch_size_per_learner"),
}
"""Those that learn from recorded data."""

_UNCUT: Ignored = {
    "batch_mode": ("nothing is cut by it here", "remove it"),
}
"""Those without fragments of episodes."""

PPO: Ignored = {**_GAE}
APPO: Ignored = {
    **_GAE,
    **_V_TRACE,
    "lambda_": ("V-trace takes the place of GAE", "remove it"),
    "target_worker_clipping": ("the ratio is clipped at 2.0 in the code", "remove it"),
    "use_critic": ("a critic is always used", "remove it"),
    "target_update_frequency": ("is an old name", "algorithm.target_network_update_freq"),
    "learner_queue_size": ("is rejected", "algorithm.circular_buffer_num_batches=<batches>"),
}
IMPALA: Ignored = {**_V_TRACE}
DQN: Ignored = {
    **_NO_EPOCHS,
    **_REPLAY,
    "adam_epsilon": (_OLD, "remove it"),
    "noisy": ("noisy layers are gone on the new API stack", "exploration=epsilon_greedy"),
    "sigma0": ("noisy layers are gone on the new API stack", "exploration=epsilon_greedy"),
    "hiddens": (_OLD, "model.head_fcnet_hiddens"),
    "before_learn_on_batch": (_OLD, "a callback"),
    "categorical_distribution_temperature": (_OLD, "remove it"),
}
SAC: Ignored = {**_SOFT, **_NO_EPOCHS, **_REPLAY}
TQC: Ignored = {
    **_SOFT,
    **_NO_EPOCHS,
    **_REPLAY,
    "twin_q": ("the critics are counted", "algorithm.n_critics=2"),
}
DREAMERV3: Ignored = {
    **_NO_EPOCHS,
    **_UNCUT,
    "lr": ("each part has a rate of its own", "algorithm.world_model_lr, actor_lr, critic_lr"),
    "train_batch_size_per_learner": (
        "its batches are sequences",
        "algorithm.batch_size_B and algorithm.batch_length_T",
    ),
    "grad_clip": ("each part is clipped apart", "algorithm.world_model_grad_clip_by_global_norm"),
    "grad_clip_by": ("each part is clipped by its global norm", "algorithm.actor_grad_clip_by_global_norm"),
    "train_critic": ("the critic is always trained", "remove it"),
    "intrinsic_rewards_scale": ("no curiosity is built in this RLlib", "remove it"),
    "use_curiosity": ("no curiosity is built in this RLlib", "remove it"),
}
BC: Ignored = {
    **_NO_EPOCHS,
    **_NO_ADVANTAGE,
    **_OFFLINE,
    **_UNCUT,
    "beta": ("must be 0: that is what makes it BC", "algorithm=marwil"),
}
MARWIL: Ignored = {**_NO_EPOCHS, **_OFFLINE, **_UNCUT}
CQL: Ignored = {
    **_SOFT,
    **_NO_EPOCHS,
    **_OFFLINE,
    **_UNCUT,
    "store_buffer_in_checkpoints": ("it learns from recorded data", "remove it"),
    "lagrangian": (_OLD, "algorithm.min_q_weight=<weight>"),
    "lagrangian_thresh": (_OLD, "algorithm.min_q_weight=<weight>"),
    "n_step": ("one-step targets are always used", "remove it"),
    "training_intensity": ("nothing is sampled", "data.dataset_num_iters_per_learner=<updates an iteration>"),
    "num_steps_sampled_before_learning_starts": (
        "nothing is sampled",
        "algorithm.bc_iters=<updates that only imitate, at first>",
    ),
    "replay_buffer_config": ("it learns from recorded data", "the data group"),
}
IQL: Ignored = {
    **_NO_EPOCHS,
    **_NO_ADVANTAGE,
    **_OFFLINE,
    **_UNCUT,
    "lr": ("each network has a rate of its own", "algorithm.actor_lr, critic_lr, value_lr"),
    "bc_logstd_coeff": ("is MARWIL's and BC's", "algorithm=marwil"),
    "burnin_len": ("its networks keep no state", "remove it"),
}
