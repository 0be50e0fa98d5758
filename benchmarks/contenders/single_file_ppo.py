"""PPO (Schulman et al. 2017) in one file of plain torch, as one writes it to read it from top to bottom.

The second argument `envpool` steps EnvPool's environments in place of Gymnasium's. Next-step autoreset: the row after
an episode's end is its reset and is left out of the batch.
"""

import sys

import numpy as np
import torch

from contenders.clock import Clock
from contenders.environments import EnvPoolVector, vector
from contenders.networks import ActorCritic, parameters
from contenders.scenarios import PPO, from_command_line


def main() -> None:
    scenario = from_command_line()
    ppo = scenario.settings
    assert isinstance(ppo, PPO)
    pool = sys.argv[2:] == ["envpool"]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    envs = (EnvPoolVector if pool else vector)(scenario.env, scenario.num_envs)
    space, actions_space = envs.single_observation_space, envs.single_action_space
    model = ActorCritic(space, actions_space, ppo.hiddens)
    optimizer = torch.optim.Adam(model.parameters(), lr=ppo.lr, eps=1e-5)

    length, width = ppo.batch // scenario.num_envs, scenario.num_envs
    shape = () if model.discrete else actions_space.shape
    observations = torch.zeros(length + 1, width, *space.shape)
    actions = torch.zeros(length, width, *shape, dtype=torch.int64 if model.discrete else torch.float32)
    log_probabilities, rewards, terminated, done = (torch.zeros(length, width) for _ in range(4))
    values = torch.zeros(length + 1, width)
    valid = torch.zeros(length, width, dtype=torch.bool)

    clock, steps = Clock(), 0
    observation, _ = envs.reset(seed=0)
    ended = np.zeros(width, bool)
    for _ in range((scenario.warmup + scenario.steps) // ppo.batch):
        if steps and not clock.runs:
            clock.start(steps)
        for t in range(length):
            observations[t] = torch.as_tensor(observation)
            with torch.no_grad():
                outputs, values[t] = model(observations[t])
                distribution = model.distribution(outputs)
                actions[t] = distribution.sample()
                log_probabilities[t] = distribution.log_prob(actions[t])
            chosen = actions[t].numpy()
            if not model.discrete:
                chosen = chosen.clip(actions_space.low, actions_space.high)
            valid[t] = torch.as_tensor(~ended)
            observation, reward, terminations, truncations, _ = envs.step(chosen)
            rewards[t] = torch.as_tensor(reward)
            terminated[t] = torch.as_tensor(terminations)
            ended = np.asarray(terminations | truncations)
            done[t] = torch.as_tensor(ended)
        steps += int(valid.sum())
        if not scenario.learns:
            continue

        # Generalised advantage estimation (Schulman et al. 2016).
        observations[length] = torch.as_tensor(observation)
        advantages, advantage = torch.zeros(length, width), torch.zeros(width)
        with torch.no_grad():
            values[length] = model(observations[length])[1]
            for t in reversed(range(length)):
                delta = rewards[t] + ppo.gamma * (1 - terminated[t]) * values[t + 1] - values[t]
                advantage = delta + ppo.gamma * ppo.lambda_ * (1 - done[t]) * advantage
                advantages[t] = advantage
        targets = (advantages + values[:-1])[valid]
        batch = observations[:-1][valid], actions[valid], log_probabilities[valid], advantages[valid], targets

        for _ in range(ppo.epochs):
            for index in torch.randperm(len(targets)).split(ppo.minibatch):
                seen, taken, before, gain, target = (column[index] for column in batch)
                gain = (gain - gain.mean()) / (gain.std() + 1e-8)
                outputs, value = model(seen)
                distribution = model.distribution(outputs)
                ratio = (distribution.log_prob(taken) - before).exp()
                clipped = ratio.clamp(1 - ppo.clip, 1 + ppo.clip)
                policy_loss = -torch.min(ratio * gain, clipped * gain).mean()
                value_loss = (value - target).square().mean()
                optimizer.zero_grad()
                (policy_loss + ppo.value_weight * value_loss).backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), ppo.max_grad_norm)
                optimizer.step()

    clock.stop(steps)
    library = f"torch {torch.__version__}"
    if pool:
        import envpool

        library += f", envpool {envpool.__version__}"
    clock.tell(parameters(model), library)


if __name__ == "__main__":
    main()
