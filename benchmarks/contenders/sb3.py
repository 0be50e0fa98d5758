"""Stable-Baselines3, as its documentation has it."""

import stable_baselines3
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from contenders import scenarios
from contenders.clock import Clock
from contenders.environments import make
from contenders.networks import Convolutions, parameters
from contenders.scenarios import Scenario, from_command_line


class ImageFeatures(BaseFeaturesExtractor):
    """The convolutions alone; the layers behind them are the policy's and the value's own."""

    def __init__(self, space: object) -> None:
        body = Convolutions(space.shape)
        super().__init__(space, body.features)
        self.body = body

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.body(observations)


class Start(BaseCallback):
    """Starts the clock at the first sampling after the warm-up."""

    def __init__(self, clock: Clock, warmup: int) -> None:
        super().__init__()
        self.clock, self.warmup = clock, warmup

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.warmup and not self.clock.runs:
            self.clock.start(self.num_timesteps)

    def _on_step(self) -> bool:
        return True


def ppo(scenario: Scenario) -> PPO:
    settings = scenario.settings
    assert isinstance(settings, scenarios.PPO)
    envs = make_vec_env(lambda: make(scenario.env), scenario.num_envs, seed=0)
    hiddens = list(settings.hiddens)
    network = {"net_arch": {"pi": hiddens, "vf": hiddens}, "activation_fn": torch.nn.Tanh}
    if len(envs.observation_space.shape) == 3:
        network |= {"features_extractor_class": ImageFeatures, "activation_fn": torch.nn.ReLU}
    model = PPO(
        "MlpPolicy",
        envs,
        learning_rate=settings.lr,
        n_steps=settings.batch // scenario.num_envs,
        batch_size=settings.minibatch,
        n_epochs=settings.epochs,
        gamma=settings.gamma,
        gae_lambda=settings.lambda_,
        clip_range=settings.clip,
        ent_coef=0.0,
        vf_coef=settings.value_weight,
        max_grad_norm=settings.max_grad_norm,
        policy_kwargs=network,
        seed=0,
        device="cpu",
    )
    if not scenario.learns:
        model.train = lambda: None
    return model


def dqn(scenario: Scenario) -> DQN:
    settings = scenario.settings
    assert isinstance(settings, scenarios.DQN)
    total = scenario.warmup + scenario.steps
    return DQN(
        "MlpPolicy",
        make_vec_env(lambda: make(scenario.env), scenario.num_envs, seed=0),
        learning_rate=settings.lr,
        buffer_size=settings.capacity,
        learning_starts=settings.learning_starts if scenario.learns else 2 * total,
        batch_size=settings.batch,
        gamma=settings.gamma,
        train_freq=settings.steps_per_update // scenario.num_envs,
        gradient_steps=1,
        target_update_interval=settings.target_every,
        exploration_fraction=min(1.0, settings.epsilon_steps / total),
        exploration_final_eps=settings.epsilon,
        max_grad_norm=settings.max_grad_norm,
        policy_kwargs={"net_arch": list(settings.hiddens)},
        seed=0,
        device="cpu",
    )


def sac(scenario: Scenario) -> SAC:
    settings = scenario.settings
    assert isinstance(settings, scenarios.SAC)
    return SAC(
        "MlpPolicy",
        make_vec_env(lambda: make(scenario.env), scenario.num_envs, seed=0),
        learning_rate=settings.lr,
        buffer_size=settings.capacity,
        learning_starts=settings.learning_starts,
        batch_size=settings.batch,
        tau=settings.tau,
        gamma=settings.gamma,
        train_freq=1,
        gradient_steps=1,
        ent_coef="auto",
        policy_kwargs={"net_arch": list(settings.hiddens)},
        seed=0,
        device="cpu",
    )


def trained(model: BaseAlgorithm) -> int:
    """Parameters of the policy and the values, without the targets."""
    policy = model.policy
    if isinstance(model, PPO):
        return parameters(policy)
    return parameters(policy.q_net) if isinstance(model, DQN) else parameters(policy.actor, policy.critic)


def main() -> None:
    scenario = from_command_line()
    torch.set_num_threads(1)
    clock = Clock()
    model = {"ppo": ppo, "dqn": dqn, "sac": sac}[scenario.settings.kind](scenario)
    model.learn(scenario.warmup + scenario.steps, callback=Start(clock, scenario.warmup))
    clock.stop(model.num_timesteps)
    clock.tell(trained(model), f"stable-baselines3 {stable_baselines3.__version__}")


if __name__ == "__main__":
    main()
