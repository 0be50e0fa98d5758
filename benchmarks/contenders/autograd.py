"""Torch's updates by autograd with nothing around them: bare environments, bare actions, bare updates on ready batches.

Each is measured alone over the scenario's steps; what does nothing else, and learns by torch's autograd and kernels,
runs at the speed of their sum at best. It is no bound: whoever differentiates otherwise passes it. `parts` has the
seconds of each.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from contenders.clock import Clock
from contenders.environments import fastest_vector
from contenders.networks import ActorCritic, Convolutions, QNetwork, SquashedPolicy, layers, parameters
from contenders.scenarios import DQN, PPO, SAC, Scenario, from_command_line

Work = Callable[[], object]


class Bare:
    """A policy to act with and an update to repeat.

    Attributes:
        act: one forward pass for a row of observations.
        update: one gradient step on a batch that is there already.
        env_steps_per_update: how many steps are made for each update.
        parameters: trained ones.
    """

    act: Callable[[np.ndarray], object]
    update: Work
    env_steps_per_update: float
    parameters: int


class BarePPO(Bare):
    def __init__(self, scenario: Scenario, observations: object, actions: object) -> None:
        settings = scenario.settings
        assert isinstance(settings, PPO)
        model = ActorCritic(observations, actions, settings.hiddens)
        optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr, fused=True)
        size = settings.minibatch
        seen = torch.rand(size, *observations.shape)
        with torch.no_grad():
            distribution = model.distribution(model(seen)[0])
            taken = distribution.sample()
            before = distribution.log_prob(taken)
        gain, target = torch.randn(size), torch.randn(size)

        def update() -> None:
            outputs, value = model(seen)
            ratio = (model.distribution(outputs).log_prob(taken) - before).exp()
            clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
            loss = settings.value_weight * (value - target).square().mean()
            loss = loss - torch.min(ratio * gain, clipped * gain).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
            optimizer.step()

        self.act, self.update = arrays(model.policy), update
        if isinstance(model.shared, Convolutions):
            self.act = torch.no_grad()(lambda row: model.policy(model.shared(torch.as_tensor(row))))
        self.env_steps_per_update = size / settings.epochs
        self.parameters = parameters(model)


class BareDQN(Bare):
    def __init__(self, scenario: Scenario, observations: object, actions: object) -> None:
        settings = scenario.settings
        assert isinstance(settings, DQN)
        sizes = [int(np.prod(observations.shape)), *settings.hiddens, int(actions.n)]
        online, target = layers(sizes, nn.ReLU), layers(sizes, nn.ReLU)
        optimizer = torch.optim.Adam(online.parameters(), lr=settings.lr, fused=True)
        seen, then = torch.rand(2, settings.batch, sizes[0])
        taken = torch.randint(sizes[-1], (settings.batch, 1))

        def update() -> None:
            with torch.no_grad():
                goal = settings.gamma * target(then).amax(-1)
            loss = nn.functional.smooth_l1_loss(online(seen).gather(1, taken).squeeze(1), goal)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(online.parameters(), settings.max_grad_norm)
            optimizer.step()

        self.act, self.update = arrays(online), update
        self.env_steps_per_update = settings.steps_per_update
        self.parameters = parameters(online)


class BareSAC(Bare):
    def __init__(self, scenario: Scenario, observations: object, actions: object) -> None:
        settings = scenario.settings
        assert isinstance(settings, SAC)
        inputs, outputs = int(np.prod(observations.shape)), int(np.prod(actions.shape))
        policy = SquashedPolicy(inputs, outputs, settings.hiddens)
        critics, targets = (
            nn.ModuleList(QNetwork(inputs, outputs, settings.hiddens) for _ in range(2)) for _ in range(2)
        )
        online, old = list(critics.parameters()), [p.data for p in targets.parameters()]
        policy_optimizer = torch.optim.Adam(policy.parameters(), lr=settings.lr, fused=True)
        critic_optimizer = torch.optim.Adam(online, lr=settings.lr, fused=True)
        seen, then = torch.rand(2, settings.batch, inputs)
        taken = torch.rand(settings.batch, outputs)

        def update() -> None:
            with torch.no_grad():
                next_actions, next_log = policy(then)
                goal = (
                    settings.gamma * torch.min(*(target(then, next_actions) for target in targets)) - next_log
                )
            critic_loss = sum(nn.functional.mse_loss(critic(seen, taken), goal) for critic in critics)
            critic_optimizer.zero_grad()
            critic_loss.backward()
            critic_optimizer.step()
            own, log = policy(seen)
            critics.requires_grad_(False)
            policy_loss = (log - torch.min(*(critic(seen, own) for critic in critics))).mean()
            critics.requires_grad_(True)
            policy_optimizer.zero_grad()
            policy_loss.backward()
            policy_optimizer.step()
            torch._foreach_lerp_(old, [p.data for p in online], settings.tau)

        self.act, self.update = arrays(policy.body), update
        self.env_steps_per_update = settings.steps_per_update
        self.parameters = parameters(policy, critics)


def arrays(network: nn.Sequential) -> Callable[[np.ndarray], np.ndarray]:
    """The same layers in numpy, which takes less time for each call than torch does."""
    steps: list[Callable[[np.ndarray], np.ndarray]] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            weight, bias = layer.weight.detach().numpy().T, layer.bias.detach().numpy()
            steps.append(lambda x, weight=weight, bias=bias: x @ weight + bias)
        else:
            steps.append(np.tanh if isinstance(layer, nn.Tanh) else lambda x: np.maximum(x, 0))

    def forward(row: np.ndarray) -> np.ndarray:
        for step in steps:
            row = step(row)
        return row

    return forward


def repeated(work: Work, times: int) -> float:
    """Seconds of doing it so often."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return time.perf_counter() - start


def main() -> None:
    scenario = from_command_line()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    envs = fastest_vector(scenario.env, scenario.num_envs)
    row, _ = envs.reset(seed=0)
    row = row.astype(np.float32)
    envs.action_space.seed(0)
    bare = {"ppo": BarePPO, "dqn": BareDQN, "sac": BareSAC}[scenario.settings.kind](
        scenario, envs.single_observation_space, envs.single_action_space
    )
    chosen = itertools.cycle([envs.action_space.sample() for _ in range(64)])
    vector_steps = -(-scenario.steps // scenario.num_envs)
    works: dict[str, tuple[Work, int]] = {
        "env": (lambda: envs.step(next(chosen)), vector_steps),
        "inference": (lambda: bare.act(row), vector_steps),
    }
    if scenario.learns:
        works["updates"] = (bare.update, max(1, round(scenario.steps / bare.env_steps_per_update)))
    for work, times in works.values():
        repeated(work, max(1, times // 10))

    clock = Clock()
    clock.start()
    parts = {name: repeated(work, times) for name, (work, times) in works.items()}
    clock.stop(scenario.steps)
    clock.tell(bare.parameters, f"torch {torch.__version__}", parts)


if __name__ == "__main__":
    main()
