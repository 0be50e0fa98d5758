"""DQN (Mnih et al. 2015) in one file of plain torch, as one writes it to read it from top to bottom."""

import numpy as np
import torch
from torch import nn

from contenders.clock import Clock
from contenders.environments import vector
from contenders.networks import layers, parameters
from contenders.scenarios import DQN, from_command_line


def main() -> None:
    scenario = from_command_line()
    dqn = scenario.settings
    assert isinstance(dqn, DQN)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    width = scenario.num_envs
    envs = vector(scenario.env, width)
    inputs, choices = int(np.prod(envs.single_observation_space.shape)), int(envs.single_action_space.n)
    online = layers([inputs, *dqn.hiddens, choices], nn.ReLU)
    target = layers([inputs, *dqn.hiddens, choices], nn.ReLU)
    target.load_state_dict(online.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), lr=dqn.lr)

    before = np.zeros((dqn.capacity, inputs), np.float32)
    after = np.zeros((dqn.capacity, inputs), np.float32)
    actions = np.zeros(dqn.capacity, np.int64)
    rewards, terminated = (np.zeros(dqn.capacity, np.float32) for _ in range(2))

    clock, steps, updates, copied = Clock(), 0, 0, 0
    observation, _ = envs.reset(seed=0)
    ended = np.zeros(width, bool)
    while steps < scenario.warmup + scenario.steps:
        if steps >= scenario.warmup and not clock.runs:
            clock.start(steps)
        epsilon = max(dqn.epsilon, 1.0 - (1.0 - dqn.epsilon) * steps / dqn.epsilon_steps)
        with torch.no_grad():
            chosen = online(torch.as_tensor(observation)).argmax(-1).numpy()
        chosen = np.where(random.random(width) < epsilon, random.integers(choices, size=width), chosen)
        following, reward, terminations, truncations, _ = envs.step(chosen)
        real = np.flatnonzero(~ended)  # the others were resets
        rows = (steps + np.arange(len(real))) % dqn.capacity
        before[rows], after[rows] = observation[real], following[real]
        actions[rows], rewards[rows], terminated[rows] = chosen[real], reward[real], terminations[real]
        observation, ended = following, terminations | truncations
        steps += len(real)
        if not scenario.learns or steps < dqn.learning_starts:
            continue

        while updates < (steps - dqn.learning_starts) // dqn.steps_per_update:
            index = random.integers(min(steps, dqn.capacity), size=dqn.batch)
            with torch.no_grad():
                following_value = target(torch.as_tensor(after[index])).amax(-1)
                goal = torch.as_tensor(rewards[index])
                goal = goal + dqn.gamma * (1 - torch.as_tensor(terminated[index])) * following_value
            value = online(torch.as_tensor(before[index]))
            value = value.gather(1, torch.as_tensor(actions[index])[:, None]).squeeze(1)
            loss = nn.functional.smooth_l1_loss(value, goal)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(online.parameters(), dqn.max_grad_norm)
            optimizer.step()
            updates += 1
        if steps - copied >= dqn.target_every:
            target.load_state_dict(online.state_dict())
            copied = steps
    clock.stop(steps)
    clock.tell(parameters(online), f"torch {torch.__version__}")


if __name__ == "__main__":
    main()
