"""The table of algorithms: a row for each of RLlib's config classes. A new algorithm is one row here.

A class derived from one of these counts as that one does. Any other counts as on-policy, may act in any space, has
no fast path and is given Ray, which is never wrong.
"""

from __future__ import annotations

from rlexp.config.algorithms import ignored_settings as ignored
from rlexp.config.algorithms.algorithm_row import Algorithm, FastParts, Kind, Networks

_RLLIB = "ray.rllib.algorithms"
_LEARNING = "rlexp.engine.learning"
_STEPS = "rlexp.engine.algorithms"

_POLICY_GRADIENT = ("Discrete", "Box", "MultiDiscrete", "Dict", "Tuple")
_ASYNC_HARDWARE = {"num_env_runners": 2, "num_learners": 1}

_LOSSES = ("total_loss", "vf_loss", "entropy", "lr", "grad_norm", "curr_entropy_coeff")
KL_METRICS = ("mean_kl_loss", "curr_kl_coeff")
"""Learner metrics of the KL term, which say nothing without it."""
_Q_VALUES = ("qf_loss", "qf_mean", "qf_max", "qf_min", "td_error_mean")
_SAC_ACTOR = ("policy_loss", "policy_lr", "alpha_loss", "alpha_value", "alpha_lr", "logps", "target_entropy")
_V_TRACE_LOSSES = (*_LOSSES, "pi_loss", "mean_pi_loss", "mean_vf_loss")

_TANH_64 = {"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh"}
OTHER_NETWORKS = Networks(_TANH_64)
"""Of an algorithm that is not in the table: its own networks may read any setting."""
_ACTOR_CRITIC = Networks(
    # Always set, since RLlib's IMPALA and MARWIL read None as true in one place and as false in another.
    {**_TANH_64, "vf_share_layers": False},
    shares_value_encoder=True,
    head_layer_norm=True,
    plain_gaussian=True,
)
"""An encoder each, or one together, for the policy and the value."""
_CLONED_POLICY = Networks(_TANH_64, plain_gaussian=True)
"""A policy alone."""
_ACTION_VALUES = Networks(
    {"fcnet_hiddens": [128, 128], "fcnet_activation": "relu"},
    no_lstm="RLlib 2.60's epsilon-greedy actions for an LSTM fail with more than one environment",
    head_initializers=True,
)
"""An encoder and a head of action values."""
_SOFT_ACTOR_CRITIC = Networks(
    {
        "fcnet_hiddens": [256, 256],
        "fcnet_activation": "relu",
        # No extra fusion layers: the joined embeddings pass one dense layer, as in the papers' Q networks.
        "fusionnet_hiddens": [],
        "fusionnet_activation": "relu",
    },
    no_lstm="its networks keep no state between steps in RLlib 2.60",
    fuses_actions=True,
)
"""A policy, and Q networks that encode observation and action."""
_WORLD_MODEL = Networks(
    no_lstm="its world model is recurrent by itself",
    sized_by="algorithm.model_size",
    image_shape=(64, 64, 3),
    scales_observations=True,
)
"""Encoder, recurrent state, decoder, actor and critic."""

_MARWIL_LEARNERS = (
    f"{_RLLIB}.marwil.torch.marwil_torch_learner.MARWILTorchLearner",
    f"{_LEARNING}.marwil.FastMARWILTorchLearner",
)
"""RLlib's BC is its MARWIL without `beta`."""

_ROWS = (
    Algorithm(
        f"{_RLLIB}.ppo.PPOConfig",
        "on_policy",
        _POLICY_GRADIENT,
        _ACTOR_CRITIC,
        several_agents=True,
        hardware={"num_env_runners": 2},
        learner_metrics=(
            *(*_LOSSES, *KL_METRICS, "policy_loss", "vf_explained_var"),
            *("approx_kl", "clip_fraction"),
        ),
        fast=FastParts(f"{_LEARNING}.ppo.FastPPOTorchLearner", judges_episodes=True),
        measured=(
            f"{_RLLIB}.ppo.torch.ppo_torch_learner.PPOTorchLearner",
            f"{_LEARNING}.policy_change.MeasuredPPOTorchLearner",
        ),
        ignored=ignored.PPO,
    ),
    Algorithm(
        f"{_RLLIB}.appo.APPOConfig",
        "async",
        _POLICY_GRADIENT,
        _ACTOR_CRITIC,
        several_agents=True,
        hardware=_ASYNC_HARDWARE,
        fast=FastParts(
            f"{_LEARNING}.appo.FastAPPOTorchLearner", f"{_STEPS}.async_step.FastAPPO", limits="async"
        ),
        measured=(
            f"{_RLLIB}.appo.torch.appo_torch_learner.APPOTorchLearner",
            f"{_LEARNING}.appo.MeasuredAPPOTorchLearner",
        ),
        ignored=ignored.APPO,
    ),
    Algorithm(
        f"{_RLLIB}.impala.IMPALAConfig",
        "async",
        _POLICY_GRADIENT,
        _ACTOR_CRITIC,
        several_agents=True,
        hardware=_ASYNC_HARDWARE,
        learner_metrics=_V_TRACE_LOSSES,
        fast=FastParts(
            f"{_LEARNING}.impala.FastIMPALATorchLearner",
            f"{_STEPS}.async_step.FastIMPALA",
            limits="async",
        ),
        ignored=ignored.IMPALA,
    ),
    Algorithm(
        f"{_RLLIB}.bc.BCConfig",
        "offline",
        _POLICY_GRADIENT,
        _CLONED_POLICY,
        by_formula=_MARWIL_LEARNERS,
        ignored=ignored.BC,
    ),
    Algorithm(
        f"{_RLLIB}.marwil.MARWILConfig",
        "offline",
        _POLICY_GRADIENT,
        _ACTOR_CRITIC,
        by_formula=_MARWIL_LEARNERS,
        ignored=ignored.MARWIL,
    ),
    Algorithm(
        f"{_RLLIB}.dqn.DQNConfig",
        "off_policy",
        ("Discrete",),
        _ACTION_VALUES,
        epsilon_greedy=True,
        learner_metrics=("total_loss", *_Q_VALUES, "lr", "grad_norm"),
        fast=FastParts(
            f"{_LEARNING}.dqn.FastDQNTorchLearner", f"{_STEPS}.off_policy_step.FastDQN", limits="replay"
        ),
        ignored=ignored.DQN,
    ),
    Algorithm(
        f"{_RLLIB}.sac.SACConfig",
        "off_policy",
        ("Box", "Discrete"),
        _SOFT_ACTOR_CRITIC,
        learner_metrics=(
            *("total_loss", *_Q_VALUES, *_SAC_ACTOR),
            *("qf_lr", "qf_twin_loss", "qf_twin_lr"),
        ),
        fast=FastParts(
            f"{_LEARNING}.sac.FastSACTorchLearner", f"{_STEPS}.off_policy_step.FastSAC", limits="replay"
        ),
        ignored=ignored.SAC,
    ),
    Algorithm(f"{_RLLIB}.tqc.TQCConfig", "off_policy", ("Box",), _SOFT_ACTOR_CRITIC, ignored=ignored.TQC),
    Algorithm(
        f"{_RLLIB}.cql.CQLConfig",
        "offline",
        ("Box",),
        _SOFT_ACTOR_CRITIC,
        by_formula=(
            f"{_RLLIB}.cql.torch.cql_torch_learner.CQLTorchLearner",
            f"{_LEARNING}.cql.FastCQLTorchLearner",
        ),
        ignored=ignored.CQL,
        training={"lr": None},  # SAC's check, which it inherits, takes nothing else
        quirks=("single_update",),
    ),
    Algorithm(
        f"{_RLLIB}.iql.IQLConfig",
        "offline",
        ("Box",),
        _SOFT_ACTOR_CRITIC,
        by_formula=(
            f"{_RLLIB}.iql.torch.iql_torch_learner.IQLTorchLearner",
            f"{_LEARNING}.iql.FastIQLTorchLearner",
        ),
        ignored=ignored.IQL,
    ),
    Algorithm(
        f"{_RLLIB}.dreamerv3.DreamerV3Config",
        "model_based",
        ("Discrete", "Box"),
        _WORLD_MODEL,
        ignored=ignored.DREAMERV3,
        prioritized=False,
    ),
)

ALGORITHMS: dict[str, Algorithm] = {row.class_name: row for row in _ROWS}
"""By the config class's name."""

ITERATION_STEPS: dict[Kind, int] = {
    "on_policy": 0,
    "off_policy": 1000,
    "async": 2000,
    "model_based": 200,
    "offline": 0,
}
"""Env steps that an iteration lasts at least where nobody says: a training step of the off-policy kinds is a few."""
