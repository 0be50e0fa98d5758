"""SBX: Stable-Baselines3's algorithms in JAX, as its documentation has them.

What it cannot be told: DQN does not clip gradients, PPO clips those of policy and value apart, and Adam has an epsilon
of 1e-5 there.
"""

from __future__ import annotations

import jax
import numpy as np
import sbx
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

from contenders import scenarios
from contenders.clock import Clock
from contenders.environments import make
from contenders.jax_compiling import Compiling
from contenders.scenarios import Scenario, from_command_line


class Start(BaseCallback):
    """Starts the clock at the first sampling after the warm-up."""

    def __init__(self, clock: Clock, compiling: Compiling, warmup: int) -> None:
        super().__init__()
        self.clock, self.compiling, self.warmup = clock, compiling, warmup
        self.compiled_s = 0.0

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.warmup and not self.clock.runs:
            self.compiled_s = self.compiling.seconds
            self.clock.start(self.num_timesteps)

    def _on_step(self) -> bool:
        return True


def ppo(scenario: Scenario) -> sbx.PPO:
    settings = scenario.settings
    assert isinstance(settings, scenarios.PPO)
    hiddens = list(settings.hiddens)
    model = sbx.PPO(
        "MlpPolicy",
        make_vec_env(lambda: make(scenario.env), scenario.num_envs, seed=0),
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
        policy_kwargs={"net_arch": {"pi": hiddens, "vf": hiddens}},
        seed=0,
    )
    # The value of a last observation is compiled when an episode is first cut, which may be after the warm-up.
    row = model.env.observation_space.sample()
    np.array(model.vf.apply(model.policy.vf_state.params, model.policy.prepare_obs(row)[0]).flatten())
    if not scenario.learns:
        model.train = lambda: None
    return model


def dqn(scenario: Scenario) -> sbx.DQN:
    settings = scenario.settings
    assert isinstance(settings, scenarios.DQN)
    assert len(set(settings.hiddens)) == 1 and len(settings.hiddens) == 2, (
        "two layers of one width, no others"
    )
    total = scenario.warmup + scenario.steps
    return sbx.DQN(
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
        policy_kwargs={"net_arch": list(settings.hiddens)},
        seed=0,
    )


def sac(scenario: Scenario) -> sbx.SAC:
    """SAC, and DroQ, which is its SAC with dropout, layer norm and a policy that waits."""
    settings = scenario.settings
    assert isinstance(settings, scenarios.SAC)
    policy: dict[str, object] = {"net_arch": list(settings.hiddens)}
    delay = 1
    if isinstance(settings, scenarios.DroQ):
        policy |= {"dropout_rate": settings.dropout, "layer_norm": True}
        delay = settings.policy_delay
    return sbx.SAC(
        "MlpPolicy",
        make_vec_env(lambda: make(scenario.env), scenario.num_envs, seed=0),
        learning_rate=settings.lr,
        buffer_size=settings.capacity,
        learning_starts=settings.learning_starts,
        batch_size=settings.batch,
        tau=settings.tau,
        gamma=settings.gamma,
        train_freq=settings.steps_per_update,
        gradient_steps=settings.updates,
        policy_delay=delay,
        ent_coef="auto",
        policy_kwargs=policy,
        seed=0,
    )


def trained(model: BaseAlgorithm) -> int:
    """Parameters of the policy and the values, without the targets."""
    policy = model.policy
    if isinstance(model, sbx.PPO):
        states = [policy.actor_state, policy.vf_state]
    else:
        states = [policy.qf_state, *([policy.actor_state] if isinstance(model, sbx.SAC) else [])]
    return sum(leaf.size for state in states for leaf in jax.tree.leaves(state.params))


def main() -> None:
    scenario = from_command_line()
    compiling, clock = Compiling(), Clock()
    made = {"ppo": ppo, "dqn": dqn, "sac": sac, "droq": sac}[scenario.settings.kind](scenario)
    start = Start(clock, compiling, scenario.warmup)
    made.learn(scenario.warmup + scenario.steps, callback=start)
    clock.stop(made.num_timesteps)
    # Next to nothing where the warm-up was long enough; what it is, the table shows.
    late = {"compiling": compiling.seconds - start.compiled_s}
    library = f"sbx {sbx.__version__}, jax {jax.__version__}"
    clock.tell(trained(made), library, late, compile_s=start.compiled_s)


if __name__ == "__main__":
    main()
