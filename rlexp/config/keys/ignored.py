"""Keywords that RLlib 2.60's builders accept and a run does not: ignored or rejected late, or not the run's to set.

Those of all algorithms stand here, those of single ones in their rows of `rlexp.config.algorithms.table`, which hold
for classes outside RLlib that derive from them too.
"""

from __future__ import annotations

from rlexp.config.algorithms.ignored_settings import Ignored
from rlexp.config.algorithms.table import ALGORITHMS

_OLD = "is read by RLlib's old API stack alone"

IGNORED: Ignored = {
    "train_batch_size": ("is split over learners", "algorithm.train_batch_size_per_learner"),
    "model": (_OLD, "keys of the model group"),
    "optimizer": (_OLD, "algorithm.lr and algorithm.grad_clip"),
    "learner_class": ("is chosen by the algorithm", "a config_class of your own"),
    "learner_connector": ("is code", "a config_class of your own"),
    "add_default_connectors_to_learner_pipeline": (
        "must stay on: learners need their batches built",
        "remove it",
    ),
    "num_sgd_iter": ("is an old name", "algorithm.num_epochs"),
    "learner_config_dict": ("is read by custom learners alone", "a config_class of your own"),
    "max_requests_in_flight_per_sampler_worker": (
        "is an old name",
        "hardware.max_requests_in_flight_per_env_runner",
    ),
    "num_aggregator_actors_per_learner": (
        "belongs to hardware",
        "hardware.num_aggregator_actors_per_learner",
    ),
    "max_requests_in_flight_per_aggregator_actor": (
        "belongs to hardware",
        "hardware.max_requests_in_flight_per_aggregator_actor",
    ),
    "lr_schedule": ("is rejected on the new API stack", "algorithm.lr=[[0,1e-3],[100000,1e-4]]"),
    "entropy_coeff_schedule": (
        "is rejected on the new API stack",
        "algorithm.entropy_coeff=[[0,0.01],[100000,0.0]]",
    ),
    "vf_share_layers": ("is an old name", "model.vf_share_layers"),
    "compress_observations": (_OLD, "remove it"),
    "restart_failed_sub_environments": ("is done by the guard of each environment", "remove it"),
    "clip_rewards": (
        _OLD,
        "env.wrappers=[{_target_: gymnasium.wrappers.ClipReward, min_reward: -1.0, max_reward: 1.0}]",
    ),
    "action_mask_key": ("nothing reads it on the new API stack", "model=custom with a module that masks"),
    "disable_env_checking": ("only multi-agent runners read it", "remove it"),
}
"""Of all algorithms."""


def reason(keyword: str, config_class_name: str) -> tuple[str, str] | None:
    """Why a keyword has no effect for a config class and what to write instead; None when it has one.

    Args:
        keyword: of an RLlib builder, e.g. `noisy`.
        config_class_name: the name of RLlib's own class, see `rlexp.config.algorithms.class_name`.
    """
    row = ALGORITHMS.get(config_class_name)
    return IGNORED.get(keyword) or (row.ignored.get(keyword) if row is not None else None)
