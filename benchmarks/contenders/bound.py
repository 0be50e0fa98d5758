"""What no program passes on this machine: a scenario's matrix products at the best rate seen, and its environments.

Floating point operations of acting and of the updates (`contenders.operations`) over the best rate that any kernel
reaches for any of these shapes in this very process (`contenders.rates`), plus the time of the bare environments
(Gymnasium's, in vector form where there is one). All that goes element by element, replay, overhead of calls: free.
Programs that bring environments of their own (JAX) can pass it where environments are most of the time.
"""

from __future__ import annotations

import itertools
import time

import numpy as np
import torch
from gymnasium import spaces

from contenders.clock import Clock, loaded_kernels, numpys_openblas
from contenders.environments import fastest_vector
from contenders.operations import Product, Work, work
from contenders.rates import Rate, fastest
from contenders.scenarios import Scenario, from_command_line


def env_seconds(scenario: Scenario, envs: object) -> tuple[float, float]:
    """Wall and CPU seconds of one env step, over the scenario's steps, after a tenth of them."""
    envs.reset(seed=0)
    envs.action_space.seed(0)
    chosen = itertools.cycle([envs.action_space.sample() for _ in range(64)])
    vector_steps = max(1, scenario.steps // scenario.num_envs)
    for _ in range(max(1, vector_steps // 10)):
        envs.step(next(chosen))
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(vector_steps):
        envs.step(next(chosen))
    made = vector_steps * scenario.num_envs
    return (time.perf_counter() - wall) / made, (time.process_time() - cpu) / made


def needed(scenario: Scenario, envs: object) -> Work:
    """The scenario's products, from its spaces."""
    actions = envs.single_action_space
    discrete = isinstance(actions, spaces.Discrete)
    outputs = int(actions.n) if discrete else int(np.prod(actions.shape))
    return work(scenario, envs.single_observation_space.shape, outputs, discrete)


def merged(products: list[Product]) -> list[Product]:
    """Those of the same use and shape as one."""
    times: dict[tuple[str, int, int, int], float] = {}
    for product in products:
        key = product.use, product.rows, product.inner, product.columns
        times[key] = times.get(key, 0.0) + product.times_a_step
    return [Product(*key, total) for key, total in times.items()]


def shown(product: Product, rate: Rate) -> dict[str, object]:
    """A row of the table of products."""
    return {
        "use": product.use,
        "shape": [product.rows, product.inner, product.columns],
        "times_a_step": product.times_a_step,
        "operations_a_step": product.operations_a_step,
        "rate": rate.rate,
        "kernel": rate.kernel,
    }


def main() -> None:
    scenario = from_command_line()
    torch.set_num_threads(1)
    envs = fastest_vector(scenario.env, scenario.num_envs)
    env_wall_s, env_cpu_s = env_seconds(scenario, envs)
    asked = needed(scenario, envs)
    products = merged(asked.products)
    openblas = numpys_openblas()
    shapes = {(p.rows, p.inner, p.columns) for p in products}
    rates = {shape: fastest(*shape, openblas) for shape in shapes}
    best_shape, best = max(rates.items(), key=lambda item: item[1].rate)

    parts = {"env": env_wall_s * scenario.steps}
    for use in dict.fromkeys(product.use for product in products):
        operations = sum(product.operations_a_step for product in products if product.use == use)
        parts[use] = scenario.steps * operations / best.rate
    # Worked out, not run through: the clock gives its line its form alone.
    arithmetic_s = sum(parts.values()) - parts["env"]
    clock = Clock()
    clock.start()
    clock.stop(scenario.steps)
    shape = " x ".join(map(str, best_shape))
    clock.tell(
        asked.parameters,
        f"{best.rate / 1e9:.0f} GFLOP/s by {best.kernel} at {shape}",
        parts,
        wall_s=arithmetic_s + env_wall_s * scenario.steps,
        cpu_s=arithmetic_s + env_cpu_s * scenario.steps,
        kernel=loaded_kernels(),
        products=[
            shown(product, rates[product.rows, product.inner, product.columns]) for product in products
        ],
    )


if __name__ == "__main__":
    main()
