"""Answers to names of other libraries whose values mean something else than those of the nearest key here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.config.classic.answer import Answer, Entry, is_count, switch
from rlexp.config.classic.old_choices import for_choice
from rlexp.config.override_text import override

_SCHEDULE = "epsilon is one schedule over env steps"
_STEPS = "it counts env steps under this name"
_UPDATES = "updates follow from how often each sampled step is replayed: replayed steps per sampled step"


def _epsilon(start: str = "1.0", steps: str = "10000", end: str = "0.05") -> Answer:
    return Answer(_SCHEDULE, f"'algorithm.epsilon=[[0,{start}],[{steps},{end}]]'", ("algorithm.epsilon",))


def _fraction(value: Any) -> Answer:
    share = f"{value} x stop.env_steps" if is_count(value) else "env steps"
    return _epsilon(steps=f"<{share}>")


def _sizes(value: Any) -> Answer:
    keys = ("model.fcnet_hiddens", "model.lstm_cell_size")
    if is_count(value):
        reason = "the encoder's layers are a list of sizes; the LSTM's size is model.lstm_cell_size"
        return Answer(reason, f"'model.fcnet_hiddens=[{value}, {value}]'", keys)
    return Answer("the encoder's layers are a list of sizes", override("model.fcnet_hiddens", value), keys)


def _architecture(value: Any) -> Answer:
    keys = ("model.fcnet_hiddens", "model.head_fcnet_hiddens")
    if isinstance(value, (list, tuple)) and value and all(is_count(size) for size in value):
        return Answer("the encoder's layers have another name", override("model.fcnet_hiddens", value), keys)
    if isinstance(value, Mapping):
        sizes = next(iter(value.values()), [64, 64])
        apart = "policy and value have encoders of the same sizes, apart unless model.vf_share_layers=true"
        return Answer(apart, override("model.fcnet_hiddens", sizes), keys)
    return Answer("the encoder's layers are a list of sizes", "'model.fcnet_hiddens=[64, 64]'", keys)


def _grad_norm(value: Any) -> Answer:
    fix = f"{override('algorithm.grad_clip', value)} algorithm.grad_clip_by=global_norm"
    return Answer("the bound and what it bounds are two settings", fix, ("algorithm.grad_clip",))


def _polyak(value: Any) -> Answer:
    tau = round(1 - value, 10) if is_count(value) and 0 <= value <= 1 else "<1 - polyak>"
    return Answer(
        "tau is the share of the new weights: 1 - polyak", f"algorithm.tau={tau}", ("algorithm.tau",)
    )


def _per_environment(value: Any) -> Answer:
    steps = f"{value} x environments" if is_count(value) else "env steps"
    return Answer(
        "the batch counts env steps over all environments (n_step, of DQN and SAC, is how many rewards are summed)",
        f"algorithm.train_batch_size_per_learner=<{steps}>",
        ("algorithm.train_batch_size_per_learner",),
    )


def _minibatches(value: Any) -> Answer:
    size = f"train_batch_size_per_learner / {value}" if is_count(value) else "env steps"
    return Answer(
        "the size of a minibatch is given, not their number",
        f"algorithm.minibatch_size=<{size}>",
        ("algorithm.minibatch_size",),
    )


def _intensity(value: Any) -> Answer:
    return Answer(
        _UPDATES,
        "algorithm.training_intensity=<batch size x updates / env steps between them>",
        ("algorithm.training_intensity",),
    )


def _counted(key: str) -> Entry:
    """A count of env steps, as other libraries have it; the key without them counts iterations."""

    def answer(value: Any) -> Answer:
        steps = value if is_count(value) else "<env steps>"
        return Answer(_STEPS, f"{key}_env_steps={steps}", (f"{key}_env_steps", key))

    return answer


def _chosen(group: str, off: str = "") -> Entry:
    """A word for a group: its value may be a choice, on or off."""

    def answer(value: Any) -> Answer:
        reason = f"{group} is the group"
        if isinstance(value, str) and (known := for_choice(group, value)) is not None:
            return Answer(f"{reason}, and {value}: {known.reason}", known.fix, (group,))
        if value is False and off:
            return Answer(reason, off, (group,))
        return Answer(reason, f"{group}=<choice>; rlexp list {group} describes them", (group,))

    return answer


def _replay(value: Any) -> Answer:
    if isinstance(value, bool):
        return Answer("checkpoints keep the buffer or leave it out", override("checkpoint.replay", value))
    kinds = "<EpisodeReplayBuffer or PrioritizedEpisodeReplayBuffer>"
    return Answer("the buffer is the algorithm's", f"algorithm.replay_buffer_config.type={kinds}")


def _device(value: Any) -> Answer:
    keys = ("hardware.num_gpus_per_learner", "hardware")
    if value is False or str(value) == "cpu":
        return Answer("a learner without a GPU learns on the CPU", "hardware.num_gpus_per_learner=0", keys)
    return Answer("GPUs are booked for each learner", "hardware=gpu", keys)


ELSEWHERE: Mapping[str, Entry] = {
    "exploration_fraction": _fraction,
    "exploration_initial_eps": lambda value: _epsilon(start=str(value)),
    "exploration_final_eps": lambda value: _epsilon(end=str(value)),
    "start_e": lambda value: _epsilon(start=str(value)),
    "end_e": lambda value: _epsilon(end=str(value)),
    "initial_epsilon": lambda value: _epsilon(start=str(value)),
    "final_epsilon": lambda value: _epsilon(end=str(value)),
    "epsilon_timesteps": lambda value: _epsilon(steps=str(value)),
    "epsilon_decay": _epsilon("1.0", "<env steps>"),
    "hidden_size": _sizes,
    "hidden_dim": _sizes,
    "layers": _architecture,
    "net_arch": _architecture,
    "max_grad_norm": _grad_norm,
    "polyak": _polyak,
    "n_steps": _per_environment,
    "num_steps": _per_environment,
    "num_minibatches": _minibatches,
    "train_freq": _intensity,
    "train_frequency": _intensity,
    "gradient_steps": _intensity,
    "utd_ratio": _intensity,
    "clip_vloss": switch(
        Answer(
            "RLlib bounds the squared error of the value, not its change",
            "algorithm.vf_clip_param=<bound>",
            ("algorithm.vf_clip_param",),
        ),
        "the value's error has no bound that matters here",
    ),
    "clip_range_vf": Answer(
        "RLlib bounds the squared error of the value, not its change",
        "algorithm.vf_clip_param=<bound>",
        ("algorithm.vf_clip_param",),
    ),
    "target_kl": Answer(
        "rlexp does not stop its passes at a KL divergence yet; PPO can penalise it, its weight steered to kl_target",
        "algorithm.use_kl_loss=true",
        ("algorithm.kl_target",),
    ),
    "eval_freq": _counted("evaluation.evaluation_interval"),
    "eval_interval": _counted("evaluation.evaluation_interval"),
    "save_freq": _counted("checkpoint.every"),
    "checkpoint_interval": _counted("checkpoint.every"),
    "cpus": Answer(
        "each process books its own CPUs: env runners, learners and the main one",
        "hardware.num_env_runners=<processes>",
        ("hardware.num_env_runners", "hardware.num_cpus_per_env_runner"),
    ),
    "device": _device,
    "cuda": _device,
    "use_gpu": _device,
    "time_limit": Answer(
        "an episode's and a run's limits are two settings",
        "env.max_episode_steps=<steps>, or stop.wall_s=<seconds>",
        ("env.max_episode_steps", "stop.wall_s"),
    ),
    "wandb": switch(
        Answer("it is a choice of tracking", "'tracking=[wandb]'", ("tracking",)),
        "tracking=none leaves it out",
    ),
    "track": switch(
        Answer("it is a choice of tracking", "'tracking=[wandb]'", ("tracking",)),
        "tracking=none leaves it out",
    ),
    "logger": _chosen("tracking", "tracking=none"),
    "callback": _chosen("callbacks", "callbacks=none"),
    "eval": _chosen("evaluation", "evaluation=none"),
    "policy": _chosen("model"),
    "network": _chosen("model"),
    "replay": _replay,
    "replay_buffer": _replay,
}
