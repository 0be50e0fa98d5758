"""`rlexp` with its usual callbacks, without W&B. Arguments: scenario, value of `fast`, mode of vectorisation."""

from __future__ import annotations

import logging
import sys
import tempfile

import rlexp
from contenders.clock import Clock, loaded_kernels
from contenders.environments import RLEXP
from contenders.measure import Measure, trained
from contenders.scenarios import CONVOLUTIONS, DQN, PPO, SAC, DroQ, Scenario, from_command_line
from rlexp.run.building.prepare import prepare
from rlexp.run.trainable import RunTrainable

TRUSTED = "[rlexp,envs,callbacks,ray.rllib,gymnasium,minigrid,ale_py,contenders]"


def numbers(values: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, values))}]"


def ppo(settings: PPO, image: bool, continuous: bool) -> list[str]:
    words = [
        f"algorithm.lr={settings.lr}",
        f"algorithm.gamma={settings.gamma}",
        f"algorithm.lambda_={settings.lambda_}",
        f"algorithm.num_epochs={settings.epochs}",
        f"algorithm.minibatch_size={settings.minibatch}",
        f"algorithm.train_batch_size_per_learner={settings.batch}",
        f"algorithm.clip_param={settings.clip}",
        "algorithm.vf_clip_param=1e9",
        f"algorithm.vf_loss_coeff={settings.value_weight}",
        "algorithm.entropy_coeff=0.0",
        "algorithm.use_kl_loss=false",
        f"algorithm.grad_clip={settings.max_grad_norm}",
    ]
    if image:
        filters = ",".join(
            f"[{channels},{kernel},{stride},valid]" for channels, kernel, stride in CONVOLUTIONS
        )
        return [
            *words,
            "model=cnn",
            f"model.conv_filters=[{filters}]",
            "model.conv_activation=relu",
            f"model.head_fcnet_hiddens={numbers(settings.hiddens)}",
            "model.head_fcnet_activation=relu",
            "model.vf_share_layers=true",
        ]
    words += ["model=mlp", f"model.fcnet_hiddens={numbers(settings.hiddens)}", "model.fcnet_activation=tanh"]
    words += ["model.vf_share_layers=false"]
    return [*words, "model.free_log_std=true"] if continuous else words


def dqn(settings: DQN, scenario: Scenario) -> list[str]:
    return [
        f"algorithm.lr={settings.lr}",
        f"algorithm.gamma={settings.gamma}",
        f"algorithm.train_batch_size_per_learner={settings.batch}",
        f"algorithm.training_intensity={settings.batch / settings.steps_per_update}",
        "algorithm.num_steps_sampled_before_learning_starts="
        f"{settings.learning_starts if scenario.learns else 10**9}",
        f"algorithm.target_network_update_freq={settings.target_every}",
        f"algorithm.epsilon=[[0,1.0],[{settings.epsilon_steps},{settings.epsilon}]]",
        "algorithm.double_q=false",
        "algorithm.dueling=false",
        "algorithm.td_error_loss_fn=huber",
        f"algorithm.grad_clip={settings.max_grad_norm}",
        f"algorithm.rollout_fragment_length={settings.steps_per_update // scenario.num_envs}",
        f"algorithm.replay_buffer_config.capacity={settings.capacity}",
        "reporting.min_sample_timesteps_per_iteration=1000",
        "model=mlp",
        f"model.fcnet_hiddens={numbers(settings.hiddens)}",
        "model.fcnet_activation=relu",
    ]


def sac(settings: SAC) -> list[str]:
    droq = isinstance(settings, DroQ)
    return [
        f"algorithm.actor_lr={settings.lr}",
        f"algorithm.critic_lr={settings.lr}",
        f"algorithm.alpha_lr={settings.lr}",
        f"algorithm.gamma={settings.gamma}",
        f"algorithm.tau={settings.tau}",
        f"algorithm.train_batch_size_per_learner={settings.batch}",
        f"algorithm.training_intensity={settings.batch * settings.updates / settings.steps_per_update}",
        f"algorithm.num_steps_sampled_before_learning_starts={settings.learning_starts}",
        "algorithm.rollout_fragment_length=1",
        f"algorithm.replay_buffer_config.capacity={settings.capacity}",
        "reporting.min_sample_timesteps_per_iteration=100",
        *(
            ["model=droq", f"model.module_config.dropout={settings.dropout}"]
            if droq
            else ["model=plain_critics"]
        ),
        f"model.module_config.fcnet_hiddens={numbers(settings.hiddens)}",
    ]


def environment(name: str) -> list[str]:
    if name.startswith("numbers:"):
        size = name.partition(":")[2]
        return ["env=gym", "env.id=contenders.environments.Numbers", f"+env.config.size={size}"]
    return [f"env={RLEXP.get(name, name)}"]


def overrides(scenario: Scenario, fast: str, mode: str, folder: str) -> list[str]:
    """What a person would type."""
    settings = scenario.settings
    if isinstance(settings, PPO):
        words = ppo(settings, scenario.env == "pong", scenario.env == "pendulum")
    else:
        words = dqn(settings, scenario) if isinstance(settings, DQN) else sac(settings)
    return [
        f"algorithm={'sac' if isinstance(settings, DroQ) else settings.kind}",
        *environment(scenario.env),
        *words,
        f"fast={fast}",
        "tuned=none",
        "evaluation=none",
        "tracking=none",
        "hardware=local",
        f"hardware.num_env_runners={scenario.runners}",
        # Booked, not used: as many runners as there are cores may be measured.
        "hardware.num_cpus_per_env_runner=0.2",
        f"hardware.gym_env_vectorize_mode={mode}",
        f"hardware.num_envs_per_env_runner={scenario.num_envs}",
        "hardware.torch_threads=1",
        "seed=0",
        f"stop.env_steps={scenario.warmup + scenario.steps}",
        "checkpoint.every=null",
        f"runs_dir={folder}",
        "name=run",
        f"trusted={TRUSTED}",
        "+callbacks.measure._target_=contenders.measure.Measure",
        f"+callbacks.measure.warmup={scenario.warmup}",
        f"+callbacks.measure.steps={scenario.steps}",
    ]


def sample(words: list[str], scenario: Scenario) -> None:
    """The run's env runner alone, asked for experience as its algorithm would."""
    algorithm = RunTrainable(config={"prepared": prepare(rlexp.compose(words))}).algorithm
    clock, steps = Clock(), 0
    assert isinstance(scenario.settings, PPO)
    while steps < scenario.warmup + scenario.steps:
        if steps >= scenario.warmup and not clock.runs:
            clock.start(steps)
        steps += sum(len(part) for part in algorithm.env_runner.sample(num_timesteps=scenario.settings.batch))
    clock.stop(steps)
    clock.tell(trained(algorithm), f"rlexp {rlexp.__version__}")


class Ways(logging.Handler):
    """Keeps what the run says about how its updates are made and by which kernels."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: dict[str, None] = {}
        logger = logging.getLogger("rlexp.engine")
        logger.setLevel(logging.INFO)
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Of `logging`."""
        text = record.getMessage()
        if text.startswith(("updates by", "kernels:")):
            self.lines[text] = None


def main() -> None:
    scenario = from_command_line()
    with tempfile.TemporaryDirectory() as folder:
        mode = sys.argv[3] if len(sys.argv) > 3 else "sync"
        words = overrides(scenario, sys.argv[2], mode, folder)
        if isinstance(scenario.settings, PPO) and not scenario.learns:
            return sample(words, scenario)
        ways = Ways()
        outcome = rlexp.train(rlexp.compose(words))
        if outcome.error:
            raise SystemExit(outcome.error)
    kernel = "; ".join([loaded_kernels(), *ways.lines])
    return Measure.clock.tell(Measure.parameters, f"rlexp {rlexp.__version__}", Measure.parts, kernel=kernel)


if __name__ == "__main__":
    main()
