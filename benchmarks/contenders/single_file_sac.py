"""SAC (Haarnoja et al. 2018) in one file of plain torch, as one writes it to read it from top to bottom."""

import copy

import numpy as np
import torch
from torch import nn

from contenders.clock import Clock
from contenders.environments import vector
from contenders.networks import QNetwork, SquashedPolicy, parameters
from contenders.scenarios import SAC, from_command_line


def main() -> None:
    scenario = from_command_line()
    sac = scenario.settings
    assert isinstance(sac, SAC)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    width = scenario.num_envs
    envs = vector(scenario.env, width)
    low, high = envs.single_action_space.low, envs.single_action_space.high
    inputs, outputs = int(np.prod(envs.single_observation_space.shape)), len(low)
    policy = SquashedPolicy(inputs, outputs, sac.hiddens)
    critics = nn.ModuleList(QNetwork(inputs, outputs, sac.hiddens) for _ in range(2))
    targets = copy.deepcopy(critics).requires_grad_(False)
    log_alpha = torch.zeros(1, requires_grad=True)
    policy_optimizer = torch.optim.Adam(policy.parameters(), lr=sac.lr)
    critic_optimizer = torch.optim.Adam(critics.parameters(), lr=sac.lr)
    alpha_optimizer = torch.optim.Adam([log_alpha], lr=sac.lr)

    before = np.zeros((sac.capacity, inputs), np.float32)
    after = np.zeros((sac.capacity, inputs), np.float32)
    actions = np.zeros((sac.capacity, outputs), np.float32)
    rewards, terminated = (np.zeros(sac.capacity, np.float32) for _ in range(2))

    clock, steps, updates = Clock(), 0, 0
    observation, _ = envs.reset(seed=0)
    ended = np.zeros(width, bool)
    while steps < scenario.warmup + scenario.steps:
        if steps >= scenario.warmup and not clock.runs:
            clock.start(steps)
        with torch.no_grad():
            chosen = policy(torch.as_tensor(observation))[0].numpy()
        following, reward, terminations, truncations, _ = envs.step(low + (chosen + 1) / 2 * (high - low))
        real = np.flatnonzero(~ended)  # the others were resets
        rows = (steps + np.arange(len(real))) % sac.capacity
        before[rows], after[rows], actions[rows] = observation[real], following[real], chosen[real]
        rewards[rows], terminated[rows] = reward[real], terminations[real]
        observation, ended = following, terminations | truncations
        steps += len(real)
        if not scenario.learns or steps < sac.learning_starts:
            continue

        while updates < (steps - sac.learning_starts) // sac.steps_per_update:
            index = random.integers(min(steps, sac.capacity), size=sac.batch)
            seen, taken, then, gained, last = (
                torch.as_tensor(column[index]) for column in (before, actions, after, rewards, terminated)
            )
            alpha = log_alpha.exp().detach()
            with torch.no_grad():
                next_actions, next_log = policy(then)
                next_value = torch.min(*(critic(then, next_actions) for critic in targets))
                goal = gained + sac.gamma * (1 - last) * (next_value - alpha * next_log)
            critic_loss = sum(nn.functional.mse_loss(critic(seen, taken), goal) for critic in critics)
            critic_optimizer.zero_grad()
            critic_loss.backward()
            critic_optimizer.step()

            own, log = policy(seen)
            critics.requires_grad_(False)
            policy_loss = (alpha * log - torch.min(*(critic(seen, own) for critic in critics))).mean()
            critics.requires_grad_(True)
            policy_optimizer.zero_grad()
            policy_loss.backward()
            policy_optimizer.step()

            alpha_loss = -(log_alpha * (log.detach() - outputs)).mean()
            alpha_optimizer.zero_grad()
            alpha_loss.backward()
            alpha_optimizer.step()

            with torch.no_grad():
                for old, new in zip(targets.parameters(), critics.parameters(), strict=True):
                    old.lerp_(new, sac.tau)
            updates += 1
    clock.stop(steps)
    clock.tell(parameters(policy, critics), f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
