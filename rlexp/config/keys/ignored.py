"""Keywords that RLlib 2.60's builders accept and a run does not: ignored or rejected late, or not the run's to set.

Each is refused before anything starts, with the reason and what to write instead: an option that does
nothing is worse than an unknown one. Read off RLlib's sources; a keyword listed for a config class holds for
that class, and for classes outside RLlib derived from it (RLlib's own are each listed); `"*"` is for all.
"""

from __future__ import annotations

Classes = tuple[str, ...] | str
Ignored = tuple[Classes, str, str]
"""(config classes or "*", why it has no effect, what to write instead)."""

_OLD = "is read by RLlib's old API stack alone"
_OFFLINE = ("BCConfig", "MARWILConfig", "CQLConfig", "IQLConfig")
_REPLAY = ("DQNConfig", "SACConfig", "TQCConfig")
_V_TRACE = ("IMPALAConfig", "APPOConfig")
_SOFT = ("SACConfig", "TQCConfig", "CQLConfig")
_NO_EPOCHS = (*_REPLAY, *_OFFLINE, "DreamerV3Config")
_OWN_RATES = ("SACConfig", "TQCConfig", "CQLConfig", "IQLConfig", "DreamerV3Config")

IGNORED: dict[str, tuple[Ignored, ...]] = {
    # training(), all classes
    "train_batch_size": (("*", "is split over learners", "algorithm.train_batch_size_per_learner"),),
    "model": (("*", _OLD, "keys of the model group"),),
    "optimizer": (("*", _OLD, "algorithm.lr and algorithm.grad_clip"),),
    "learner_class": (("*", "is chosen by the algorithm", "a config_class of your own"),),
    "learner_connector": (("*", "is code", "a config_class of your own"),),
    "add_default_connectors_to_learner_pipeline": (
        ("*", "must stay on: learners need their batches built", "remove it"),
    ),
    "num_sgd_iter": (("*", "is an old name", "algorithm.num_epochs"),),
    "learner_config_dict": (("*", "is read by custom learners alone", "a config_class of your own"),),
    "max_requests_in_flight_per_sampler_worker": (
        ("*", "is an old name", "hardware.max_requests_in_flight_per_env_runner"),
    ),
    "num_aggregator_actors_per_learner": (
        ("*", "belongs to hardware", "hardware.num_aggregator_actors_per_learner"),
    ),
    "max_requests_in_flight_per_aggregator_actor": (
        ("*", "belongs to hardware", "hardware.max_requests_in_flight_per_aggregator_actor"),
    ),
    "lr_schedule": (("*", "is rejected on the new API stack", "algorithm.lr=[[0,1e-3],[100000,1e-4]]"),),
    "entropy_coeff_schedule": (
        ("*", "is rejected on the new API stack", "algorithm.entropy_coeff=[[0,0.01],[100000,0.0]]"),
    ),
    "lr": (
        (
            ("SACConfig", "TQCConfig", "CQLConfig"),
            "must stay null: each network has a rate of its own",
            "algorithm.actor_lr, algorithm.critic_lr, algorithm.alpha_lr",
        ),
        (("IQLConfig",), "each network has a rate of its own", "algorithm.actor_lr, critic_lr, value_lr"),
        (
            ("DreamerV3Config",),
            "each part has a rate of its own",
            "algorithm.world_model_lr, actor_lr, critic_lr",
        ),
    ),
    "num_epochs": (
        (_NO_EPOCHS, "one pass is made over each batch", "algorithm.training_intensity (off-policy)"),
    ),
    "minibatch_size": (
        (_NO_EPOCHS, "the whole batch makes one update", "algorithm.train_batch_size_per_learner"),
    ),
    "shuffle_batch_per_epoch": ((_NO_EPOCHS, "one pass is made over each batch", "remove it"),),
    "train_batch_size_per_learner": (
        (
            ("DreamerV3Config",),
            "its batches are sequences",
            "algorithm.batch_size_B and algorithm.batch_length_T",
        ),
    ),
    "grad_clip": (
        (
            ("DreamerV3Config",),
            "each part is clipped apart",
            "algorithm.world_model_grad_clip_by_global_norm",
        ),
    ),
    "grad_clip_by": (
        (
            ("DreamerV3Config",),
            "each part is clipped by its global norm",
            "algorithm.actor_grad_clip_by_global_norm",
        ),
    ),
    # PPO
    "use_gae": (
        (
            ("PPOConfig", "APPOConfig"),
            "GAE (PPO) or V-trace (APPO) is always used",
            "algorithm.lambda_ (PPO)",
        ),
    ),
    "vf_share_layers": (("*", "is an old name", "model.vf_share_layers"),),
    # IMPALA and APPO
    "vtrace": ((_V_TRACE, "V-trace is always used", "remove it"),),
    "lambda_": ((("APPOConfig",), "V-trace takes the place of GAE", "remove it"),),
    "target_worker_clipping": ((("APPOConfig",), "the ratio is clipped at 2.0 in the code", "remove it"),),
    "use_critic": ((("APPOConfig",), "a critic is always used", "remove it"),),
    "target_update_frequency": ((("APPOConfig",), "is an old name", "algorithm.target_network_update_freq"),),
    "num_multi_gpu_tower_stacks": ((_V_TRACE, _OLD, "hardware.num_learners, hardware.num_gpus_per_learner"),),
    "minibatch_buffer_size": (
        (
            _V_TRACE,
            _OLD,
            "algorithm.circular_buffer_num_batches, circular_buffer_iterations_per_batch (APPO)",
        ),
    ),
    "replay_proportion": (
        (_V_TRACE, "is rejected on the new API stack", "algorithm.circular_buffer_* (APPO)"),
    ),
    "replay_buffer_num_slots": ((_V_TRACE, _OLD, "algorithm.circular_buffer_num_batches (APPO)"),),
    "learner_queue_timeout": ((_V_TRACE, _OLD, "remove it"),),
    "learner_queue_size": (
        (("APPOConfig",), "is rejected", "algorithm.circular_buffer_num_batches=<batches>"),
    ),
    "timeout_s_aggregator_manager": ((_V_TRACE, _OLD, "remove it"),),
    "num_aggregation_workers": ((_V_TRACE, "is an old name", "hardware.num_aggregator_actors_per_learner"),),
    "max_requests_in_flight_per_aggregator_worker": (
        (_V_TRACE, "is an old name", "hardware.max_requests_in_flight_per_aggregator_actor"),
    ),
    "opt_type": ((_V_TRACE, "Adam is always used", "remove it"),),
    "decay": ((_V_TRACE, "Adam is always used (it was RMSProp's)", "remove it"),),
    "momentum": ((_V_TRACE, "Adam is always used (it was RMSProp's)", "remove it"),),
    "epsilon": ((_V_TRACE, "Adam is always used (it was RMSProp's)", "remove it"),),
    "_separate_vf_optimizer": ((_V_TRACE, _OLD, "remove it"),),
    "_lr_vf": ((_V_TRACE, _OLD, "remove it; algorithm.lr is the step size of both"),),
    # DQN
    "adam_epsilon": ((("DQNConfig",), _OLD, "remove it"),),
    "store_buffer_in_checkpoints": (
        (_REPLAY, _OLD, "checkpoint.replay"),
        (("CQLConfig",), "it learns from recorded data", "remove it"),
    ),
    "noisy": ((("DQNConfig",), "noisy layers are gone on the new API stack", "exploration=epsilon_greedy"),),
    "sigma0": ((("DQNConfig",), "noisy layers are gone on the new API stack", "exploration=epsilon_greedy"),),
    "hiddens": ((("DQNConfig",), _OLD, "model.head_fcnet_hiddens"),),
    "before_learn_on_batch": ((("DQNConfig",), _OLD, "a callback"),),
    "categorical_distribution_temperature": ((("DQNConfig",), _OLD, "remove it"),),
    # SAC, TQC, CQL
    "q_model_config": ((_SOFT, _OLD, "keys of the model group"),),
    "policy_model_config": ((_SOFT, _OLD, "keys of the model group"),),
    "optimization_config": ((_SOFT, _OLD, "algorithm.actor_lr, algorithm.critic_lr, algorithm.alpha_lr"),),
    "_deterministic_loss": ((_SOFT, _OLD, "remove it"),),
    "_use_beta_distribution": ((_SOFT, _OLD, "remove it"),),
    "clip_actions": ((_SOFT, "belongs to the environment", "env.clip_actions"),),
    "twin_q": ((("TQCConfig",), "the critics are counted", "algorithm.n_critics=2"),),
    "lagrangian": ((("CQLConfig",), _OLD, "algorithm.min_q_weight=<weight>"),),
    "lagrangian_thresh": ((("CQLConfig",), _OLD, "algorithm.min_q_weight=<weight>"),),
    "n_step": ((("CQLConfig",), "one-step targets are always used", "remove it"),),
    "training_intensity": (
        (("CQLConfig",), "nothing is sampled", "data.dataset_num_iters_per_learner=<updates an iteration>"),
    ),
    "num_steps_sampled_before_learning_starts": (
        (("CQLConfig",), "nothing is sampled", "algorithm.bc_iters=<updates that only imitate, at first>"),
    ),
    "replay_buffer_config": ((("CQLConfig",), "it learns from recorded data", "the data group"),),
    # MARWIL, BC, IQL
    "beta": ((("BCConfig",), "must be 0: that is what makes it BC", "algorithm=marwil"),),
    "vf_coeff": ((("BCConfig", "IQLConfig"), "is MARWIL's value loss", "algorithm=marwil"),),
    "moving_average_sqd_adv_norm_update_rate": (
        (("BCConfig", "IQLConfig"), "is MARWIL's", "algorithm=marwil"),
    ),
    "moving_average_sqd_adv_norm_start": ((("BCConfig", "IQLConfig"), "is MARWIL's", "algorithm=marwil"),),
    "bc_logstd_coeff": ((("IQLConfig",), "is MARWIL's and BC's", "algorithm=marwil"),),
    "burnin_len": ((("IQLConfig",), "its networks keep no state", "remove it"),),
    # DreamerV3
    "train_critic": ((("DreamerV3Config",), "the critic is always trained", "remove it"),),
    "intrinsic_rewards_scale": ((("DreamerV3Config",), "no curiosity is built in this RLlib", "remove it"),),
    "use_curiosity": ((("DreamerV3Config",), "no curiosity is built in this RLlib", "remove it"),),
    # env_runners()
    "compress_observations": (("*", _OLD, "remove it"),),
    "rollout_fragment_length": (
        (_OFFLINE, "nothing is sampled in training", "algorithm.train_batch_size_per_learner"),
    ),
    "batch_mode": (((*_OFFLINE, "DreamerV3Config"), "nothing is cut by it here", "remove it"),),
    # fault_tolerance()
    "restart_failed_sub_environments": (("*", "is done by the guard of each environment", "remove it"),),
    # environment()
    "clip_rewards": (
        (
            "*",
            _OLD,
            "env.wrappers=[{_target_: gymnasium.wrappers.ClipReward, min_reward: -1.0, max_reward: 1.0}]",
        ),
    ),
    "action_mask_key": (
        ("*", "nothing reads it on the new API stack", "model=custom with a module that masks"),
    ),
    "disable_env_checking": (("*", "only multi-agent runners read it", "remove it"),),
}


def reason(keyword: str, config_class_name: str) -> tuple[str, str] | None:
    """Why a keyword has no effect for a config class and what to write instead; None when it has one.

    Args:
        keyword: of an RLlib builder, e.g. `noisy`.
        config_class_name: the name of RLlib's own class, see `rlexp.config.keys.builder_signatures.rllib_class`.
    """
    for classes, why, instead in IGNORED.get(keyword, ()):
        if classes == "*" or config_class_name in classes:
            return why, instead
    return None
