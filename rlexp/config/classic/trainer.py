"""Answers to the classic trainer's keys that are gone, or whose value means something else today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.config.classic.answer import LEAVE_OUT, Answer, Entry, is_count, switch
from rlexp.config.classic.exploration import from_config
from rlexp.config.classic.model import model_overrides
from rlexp.config.override_text import override

_TORCH = "PyTorch is the framework, and the only one"
_VIDEO = Answer("films are a callback's", "'callbacks=[progress,episode_stats,video]'")
_OLD_LOOP = "the old API stack's own inner working, which is gone"
_OFFLINE = "data=recorded data.input_=<folder> algorithm=<bc, marwil, cql or iql>"
_NO_RECORDING = Answer("rlexp does not record experiences yet")
_READ_AS_RECORDED = "recorded data is read as it was written"
_COPIES = "env.clip_rewards has no effect on RLlib's new API stack; a wrapper clips"


def _clipped(value: Any) -> Answer:
    if value is False or value is None:
        return Answer("rewards are not clipped here (but by env=atari: env.config.clip_reward=false)")
    if value is True:
        reason = f"{_COPIES}, to -1 and 1 (true was the sign, which is the same for whole numbers)"
        return Answer(reason, f"env=atari env.config.clip_reward=true, or {_clip_wrapper(-1.0, 1.0)}")
    low, high = (-value, value) if is_count(value) else _pair(value)
    return Answer(_COPIES, _clip_wrapper(low, high))


def _clip_wrapper(low: Any, high: Any) -> str:
    wrapper = f"{{_target_: gymnasium.wrappers.ClipReward, min_reward: {low}, max_reward: {high}}}"
    return f"'env.wrappers=[{wrapper}]'"


def _pair(value: Any) -> tuple[Any, Any]:
    pair = isinstance(value, (list, tuple)) and len(value) == 2
    return (value[0], value[1]) if pair else ("<low>", "<high>")


def _explore(value: Any) -> Answer:
    if value is False:
        return Answer("the exploration group says how it explores in training", "exploration=off")
    return Answer("exploring is the default", "exploration=default")


def _evaluation_config(value: Any) -> Answer:
    takes = ("explore", "env_config", "seed", "num_envs")
    reason = f"evaluation has its own {', '.join(takes)}; all else is as in training"
    if not isinstance(value, Mapping):
        return Answer(reason, "evaluation.<key>=<value>")
    given = [override(f"evaluation.{name}", value[name]) for name in takes if name in value]
    return Answer(reason, " ".join(given) or "rlexp list evaluation")


def _gpus(value: Any) -> Answer:
    reason = "GPUs are booked for each learner"
    keys = ("hardware.num_gpus_per_learner", "hardware.num_learners")
    if is_count(value) and value > 1:
        return Answer(reason, f"hardware.num_learners={value} hardware.num_gpus_per_learner=1", keys)
    count = value if is_count(value) else "<number>"
    return Answer(reason, f"hardware.num_gpus_per_learner={count}", keys)


def _input(value: Any) -> Answer:
    if value in (None, "sampler"):
        return Answer("sampling from the environment is what the online algorithms do")
    if isinstance(value, Mapping):
        return Answer(
            "rlexp has no mixing of sampled and recorded data yet; the offline algorithms read one source",
            _OFFLINE,
        )
    fix = f"data=recorded {override('data.input_', value)} algorithm=<bc, marwil, cql or iql>"
    return Answer(
        "recorded data is the data group's, as RLlib's episodes in Parquet files", fix, ("data.input_",)
    )


def _task_function(value: Any) -> Answer:
    path = value if isinstance(value, str) and "." in value else "<import path of the function>"
    return Answer("a function of the results is a teacher", f"curriculum=function curriculum.task_fn={path}")


def _environment(name: str) -> Answer:
    return Answer(f"the environment says its {name} itself", "env=gym env.id=<id or import path>")


def _variables(value: Any) -> Answer:
    text = {k: str(v) for k, v in value.items()} if isinstance(value, Mapping) and value else None
    fix = override("hardware.env_vars", text) if text else LEAVE_OUT
    return Answer("all processes of a run have the same environment variables", fix, ("hardware.env_vars",))


def _remote(value: Any) -> Answer:
    mode = "async" if value else "sync"
    return Answer("it is a mode of the vector environment", f"hardware.gym_env_vectorize_mode={mode}")


TRAINER: Mapping[str, Entry] = {
    "model": lambda value: Answer("the model group takes its place", model_overrides(value), ("model",)),
    "optimizer": lambda value: Answer(
        "rlexp has no options of the optimiser (it is Adam) but its step size and the bound of its gradient yet",
        "algorithm.lr=<value> algorithm.grad_clip=<value>" if value else LEAVE_OUT,
    ),
    "simple_optimizer": Answer("there is one kind of optimiser loop, and no other to choose"),
    "soft_horizon": switch(
        Answer(
            "rlexp has no soft horizon yet: an episode that is cut off is reset",
            "env.max_episode_steps=<steps>",
        ),
        "an episode that is cut off is reset, always",
    ),
    "no_done_at_end": switch(
        Answer("that is how it is: the end of env.max_episode_steps is a truncation, and no termination"),
        "rlexp has no setting for it: the end of env.max_episode_steps is a truncation, and no termination",
    ),
    "env": lambda value: Answer("the env group takes its place", f"env=gym env.id={value}", ("env",)),
    "observation_space": _environment("observation space"),
    "action_space": _environment("action space"),
    "remote_worker_envs": _remote,
    "remote_env_batch_wait_ms": Answer("a vector environment waits for all of its environments"),
    "env_task_fn": _task_function,
    "render_env": switch(_VIDEO, "nothing is filmed unless a callback does it"),
    "record_env": switch(_VIDEO, "nothing is filmed unless a callback does it"),
    "monitor": switch(_VIDEO, "nothing is filmed unless a callback does it"),
    "clip_rewards": _clipped,
    "preprocessor_pref": lambda value: Answer(
        "Atari's preprocessing belongs to env=atari; elsewhere wrappers do it",
        LEAVE_OUT if value in (None, "rllib") else "env=atari",
    ),
    "callbacks": lambda value: Answer(
        "the callbacks group takes its place; a class of one's own goes by its import path",
        "callbacks.mine._target_=<import path of its class>",
        ("callbacks",),
    ),
    "log_sys_usage": Answer(
        "rlexp takes none of RLlib's figures of the machine; W&B logs its own (tracking=[wandb])"
    ),
    "fake_sampler": Answer("rlexp has no fake samples"),
    "framework": lambda value: Answer(_TORCH if value == "torch" else f"{_TORCH}: there is no {value}"),
    "eager_tracing": switch(
        Answer(
            "TensorFlow is gone; what PyTorch has instead is compiling", "hardware.torch_compile_learner=true"
        ),
        "TensorFlow is gone",
    ),
    "eager_max_retraces": Answer("TensorFlow is gone"),
    "tf_session_args": Answer("TensorFlow is gone"),
    "local_tf_session_args": Answer("TensorFlow is gone"),
    "_tf_policy_handles_more_than_one_loss": Answer("TensorFlow is gone"),
    "explore": _explore,
    "exploration_config": from_config,
    "in_evaluation": Answer("RLlib sets it itself, in evaluation's own processes"),
    "evaluation_config": _evaluation_config,
    "custom_eval_function": Answer(
        "rlexp has no evaluation function of one's own yet; a callback can log figures of evaluation (on_evaluate_end)",
        "callbacks.mine._target_=<import path of its class>",
    ),
    "custom_evaluation_function": Answer(
        "rlexp has no evaluation function of one's own yet; a callback can log figures of evaluation (on_evaluate_end)",
        "callbacks.mine._target_=<import path of its class>",
    ),
    "always_attach_evaluation_results": Answer(
        "each evaluation is logged once, at its iteration",
        "evaluation.evaluation_interval=1 evaluates at each",
    ),
    "keep_per_episode_custom_metrics": switch(
        Answer(
            "rlexp logs no values of single episodes yet: custom/<name>_mean, _min and _max of each iteration"
        ),
        "custom metrics are logged as means, minima and maxima",
    ),
    "sample_async": switch(
        Answer("which algorithm says whether sampling waits: APPO and IMPALA do not wait", "algorithm=appo"),
        "PPO, DQN and SAC sample and learn in turn",
    ),
    "sample_collector": Answer(_OLD_LOOP),
    "synchronize_filters": switch(
        Answer("env runners share one filter, always", "env.observation_filter=MeanStdFilter"),
        "rlexp has no filter for each env runner: one is shared",
    ),
    "compress_observations": Answer(
        "observations are not compressed; the replay buffer keeps bytes as bytes"
    ),
    "metrics_episode_collection_timeout_s": Answer(
        "metrics come with the samples: there is no wait of its own for them"
    ),
    "collect_metrics_timeout": Answer("metrics come with the samples: there is no wait of its own for them"),
    "num_gpus": _gpus,
    "_fake_gpus": Answer(
        "there are no pretended GPUs; without one, learners use CPUs", "hardware.num_gpus_per_learner=0"
    ),
    "extra_python_environs_for_driver": _variables,
    "extra_python_environs_for_worker": _variables,
    "input": _input,
    "input_config": Answer("what reads recorded data has its keys in the data group", "rlexp list data"),
    "actions_in_input_normalized": Answer(
        f"rlexp has no setting for it yet: {_READ_AS_RECORDED}, its actions as they are"
    ),
    "input_evaluation": Answer(
        "rlexp has no off-policy estimates (is, wis) yet; evaluation plays episodes in the environment",
        "evaluation=default",
    ),
    "off_policy_estimation_methods": Answer(
        "rlexp has no off-policy estimates (is, wis) yet; evaluation plays episodes in the environment",
        "evaluation=default",
    ),
    "postprocess_inputs": Answer(
        "advantages of recorded data are computed by the algorithm that needs them (MARWIL)"
    ),
    "shuffle_buffer_size": Answer(
        f"rlexp has no buffer that shuffles recorded data yet; {_READ_AS_RECORDED}"
    ),
    "output": _NO_RECORDING,
    "output_config": _NO_RECORDING,
    "output_compress_columns": _NO_RECORDING,
    "output_max_file_size": _NO_RECORDING,
    "logger_config": Answer(
        "where results go is the tracking group's", "tracking=<none, wandb or tensorboard>", ("tracking",)
    ),
    "_disable_preprocessor_api": Answer(_OLD_LOOP),
    "_disable_action_flattening": Answer(_OLD_LOOP),
    "_disable_execution_plan_api": Answer(_OLD_LOOP),
    "disable_env_checking": Answer(
        "RLlib's check is read by multi-agent runners alone; rlexp's own looks at an environment once, at the start"
    ),
}
