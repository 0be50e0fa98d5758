"""PPO whose environments and learner are one compiled JAX program (the manner of PureJaxRL), on gymnax's environments.

A row is reset in the step that ends it, and an end at the time limit counts as any other, as is usual in this manner:
it spares the values of last observations. Advantages by generalised advantage estimation (Schulman et al. 2016).
"""

from __future__ import annotations

import sys
import time
from typing import Any, NamedTuple

import gymnax
import jax
import jax.numpy as jnp

from contenders.clock import Clock
from contenders.environments import GYMNASIUM
from contenders.scenarios import PPO, from_command_line

Params = dict[str, Any]


class Batch(NamedTuple):
    """Columns of a rollout, [time, envs, ...], or of a minibatch, [rows, ...]."""

    observation: jax.Array
    action: jax.Array
    log_probability: jax.Array
    advantage: jax.Array
    target: jax.Array


class Carry(NamedTuple):
    """All that goes from one iteration to the next."""

    params: Params
    means: Params  # Adam's first and second moments
    squares: Params
    updates: jax.Array
    env: Any
    observation: jax.Array
    key: jax.Array


def tower(key: jax.Array, sizes: list[int], last_scale: float) -> list[tuple[jax.Array, jax.Array]]:
    """Weights and biases of plain layers, orthogonal, the last one scaled."""
    made = []
    for place, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        key, own = jax.random.split(key)
        scale = last_scale if place == len(sizes) - 2 else 2**0.5
        made.append((jax.nn.initializers.orthogonal(scale)(own, (inputs, outputs)), jnp.zeros(outputs)))
    return made


def through(layers: list[tuple[jax.Array, jax.Array]], rows: jax.Array) -> jax.Array:
    """(B, inputs) to (B, outputs): tanh between the layers."""
    for weight, bias in layers[:-1]:
        rows = jnp.tanh(rows @ weight + bias)
    weight, bias = layers[-1]
    return rows @ weight + bias


class Actions:
    """Categorical actions, or Gaussian ones with log standard deviations apart from the state."""

    def __init__(self, space: Any) -> None:
        self.discrete = hasattr(space, "n")
        self.outputs = int(space.n) if self.discrete else int(space.shape[0])
        if not self.discrete:
            self.low, self.high = space.low, space.high

    def draw(self, params: Params, outputs: jax.Array, key: jax.Array) -> jax.Array:
        """One action for each row of logits or means."""
        if self.discrete:
            return jax.random.categorical(key, outputs)
        return outputs + jnp.exp(params["log_std"]) * jax.random.normal(key, outputs.shape)

    def log_probability(self, params: Params, outputs: jax.Array, taken: jax.Array) -> jax.Array:
        """(B,)."""
        if self.discrete:
            return jnp.take_along_axis(jax.nn.log_softmax(outputs), taken[:, None], axis=-1)[:, 0]
        return jax.scipy.stats.norm.logpdf(taken, outputs, jnp.exp(params["log_std"])).sum(-1)

    def as_env_takes(self, taken: jax.Array) -> jax.Array:
        """Within the bounds."""
        return taken if self.discrete else jnp.clip(taken, self.low, self.high)


class Program:
    """The program of one scenario: `begin` makes what `iteration` carries on."""

    def __init__(self, name: str, width: int, settings: PPO) -> None:
        self.env, self.env_params = gymnax.make(GYMNASIUM[name])
        self.actions = Actions(self.env.action_space(self.env_params))
        self.width, self.ppo = width, settings
        self.length = settings.batch // width

    def begin(self, key: jax.Array) -> Carry:
        """Fresh networks and environments."""
        key, of_policy, of_value, of_env = jax.random.split(key, 4)
        observation, env = jax.vmap(self.env.reset, (0, None))(
            jax.random.split(of_env, self.width), self.env_params
        )
        sizes = [observation.shape[-1], *self.ppo.hiddens]
        params: Params = {
            "policy": tower(of_policy, [*sizes, self.actions.outputs], 0.01),
            "value": tower(of_value, [*sizes, 1], 1.0),
        }
        if not self.actions.discrete:
            params["log_std"] = jnp.zeros(self.actions.outputs)
        zeros = jax.tree.map(jnp.zeros_like, params)
        return Carry(params, zeros, zeros, jnp.zeros((), jnp.int32), env, observation, key)

    def step(self, params: Params, moving: tuple) -> tuple[tuple, tuple]:
        """One step of all environments, and its row of the rollout."""
        env, observation, key = moving
        key, of_action, of_env = jax.random.split(key, 3)
        outputs = through(params["policy"], observation)
        taken = self.actions.draw(params, outputs, of_action)
        value = through(params["value"], observation)[:, 0]
        following, env, reward, terminated, truncated, _ = jax.vmap(self.env.step, (0, 0, 0, None))(
            jax.random.split(of_env, self.width), env, self.actions.as_env_takes(taken), self.env_params
        )
        log_probability = self.actions.log_probability(params, outputs, taken)
        row = (
            observation,
            taken,
            log_probability,
            value,
            reward,
            (terminated | truncated).astype(jnp.float32),
        )
        return (env, following, key), row

    def advantages(
        self, values: jax.Array, rewards: jax.Array, ends: jax.Array, last: jax.Array
    ) -> jax.Array:
        """[time, envs], from the last step to the first."""

        def back(later: tuple, now: tuple) -> tuple[tuple, jax.Array]:
            advantage, following = later
            value, reward, end = now
            goes_on = self.ppo.gamma * (1 - end)
            advantage = reward + goes_on * (following + self.ppo.lambda_ * advantage) - value
            return (advantage, value), advantage

        return jax.lax.scan(back, (jnp.zeros(self.width), last), (values, rewards, ends), reverse=True)[1]

    def loss(self, params: Params, rows: Batch) -> jax.Array:
        """Schulman et al. 2017, with advantages standardised in the minibatch."""
        outputs = through(params["policy"], rows.observation)
        gain = (rows.advantage - rows.advantage.mean()) / (rows.advantage.std() + 1e-8)
        ratio = jnp.exp(self.actions.log_probability(params, outputs, rows.action) - rows.log_probability)
        clipped = jnp.clip(ratio, 1 - self.ppo.clip, 1 + self.ppo.clip)
        error = through(params["value"], rows.observation)[:, 0] - rows.target
        return self.ppo.value_weight * (error**2).mean() - jnp.minimum(ratio * gain, clipped * gain).mean()

    def update(self, trained: tuple, rows: Batch) -> tuple[tuple, None]:
        """One gradient step: the norm of all gradients clipped, then Adam (Kingma and Ba 2015)."""
        params, means, squares, updates = trained
        gradients = jax.grad(self.loss)(params, rows)
        norm = jnp.sqrt(sum((leaf**2).sum() for leaf in jax.tree.leaves(gradients)))
        scale = jnp.minimum(1.0, self.ppo.max_grad_norm / (norm + 1e-6))
        gradients = jax.tree.map(lambda g: g * scale, gradients)
        updates = updates + 1
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
        squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, squares, gradients)
        rate = self.ppo.lr * jnp.sqrt(1 - 0.999**updates) / (1 - 0.9**updates)
        epsilon = 1e-8 * jnp.sqrt(1 - 0.999**updates)
        params = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + epsilon), params, means, squares)
        return (params, means, squares, updates), None

    def iteration(self, _: int, carry: Carry) -> Carry:
        """A rollout, and the epochs on it."""
        params, means, squares, updates, env, observation, key = carry
        (env, observation, key), columns = jax.lax.scan(
            lambda moving, _: self.step(params, moving),
            (env, observation, key),
            None,
            self.length,
        )
        seen, taken, log_probability, values, rewards, ends = columns
        trained = (params, means, squares, updates)
        last = through(params["value"], observation)[:, 0]
        advantages = self.advantages(values, rewards, ends, last)
        batch = Batch(seen, taken, log_probability, advantages, advantages + values)
        flat = jax.tree.map(lambda column: column.reshape(-1, *column.shape[2:]), batch)

        def epoch(moving: tuple, _: None) -> tuple[tuple, None]:
            trained, key = moving
            key, own = jax.random.split(key)
            order = jax.random.permutation(own, self.ppo.batch)
            parts = jax.tree.map(
                lambda column: column[order].reshape(-1, self.ppo.minibatch, *column.shape[1:]), flat
            )
            return (jax.lax.scan(self.update, trained, parts)[0], key), None

        (trained, key), _ = jax.lax.scan(epoch, (trained, key), None, self.ppo.epochs)
        return Carry(*trained, env, observation, key)

    def sampling(self, _: int, carry: Carry) -> Carry:
        """A rollout alone; values and probabilities, which nobody reads then, are left out by the compiler."""
        (env, observation, key), _ = jax.lax.scan(
            lambda moving, _: self.step(carry.params, moving),
            (carry.env, carry.observation, carry.key),
            None,
            self.length,
        )
        return carry._replace(env=env, observation=observation, key=key)


def main() -> None:
    scenario = from_command_line()
    settings = scenario.settings
    assert isinstance(settings, PPO)
    if settings.batch % settings.minibatch or settings.batch % scenario.num_envs:
        sys.exit("the batch must be whole minibatches and whole vector steps")
    program = Program(scenario.env, scenario.num_envs, settings)
    body = program.iteration if scenario.learns else program.sampling
    carry = jax.jit(program.begin)(jax.random.key(0))
    begin = time.perf_counter()
    run = jax.jit(lambda times, carry: jax.lax.fori_loop(0, times, body, carry)).lower(1, carry).compile()
    compile_s = time.perf_counter() - begin

    carry = jax.block_until_ready(run(jnp.int32(scenario.warmup // settings.batch), carry))
    iterations = scenario.steps // settings.batch
    clock = Clock()
    clock.start()
    carry = jax.block_until_ready(run(jnp.int32(iterations), carry))
    clock.stop(iterations * settings.batch)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(carry.params))
    clock.tell(parameters, f"jax {jax.__version__} and gymnax", compile_s=compile_s)


if __name__ == "__main__":
    main()
