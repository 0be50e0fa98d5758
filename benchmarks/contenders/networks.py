"""The networks in plain torch, for the contenders that bring none of their own."""

from __future__ import annotations

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from contenders.scenarios import CONVOLUTIONS


def parameters(*modules: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for module in modules for p in module.parameters())


def layers(sizes: list[int], activation: type[nn.Module]) -> nn.Sequential:
    """Linear layers with the activation between them, none after the last."""
    built: list[nn.Module] = []
    for size, following in zip(sizes, sizes[1:], strict=False):
        built += [nn.Linear(size, following), activation()]
    return nn.Sequential(*built[:-1])


class Convolutions(nn.Module):
    """(B, height, width, channels) to (B, features)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        channels, built = shape[-1], []
        for out, kernel, stride in CONVOLUTIONS:
            built += [nn.Conv2d(channels, out, kernel, stride), nn.ReLU()]
            channels = out
        self.body = nn.Sequential(*built, nn.Flatten())
        with torch.no_grad():
            self.features = self(torch.zeros(1, *shape)).shape[1]

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """As the class says."""
        return self.body(observations.permute(0, 3, 1, 2))


class ActorCritic(nn.Module):
    """Policy and value of PPO: two separate networks, or two heads on shared convolutions for images."""

    def __init__(
        self, observations: gymnasium.Space, actions: gymnasium.Space, hiddens: tuple[int, ...]
    ) -> None:
        super().__init__()
        shape = observations.shape or ()
        self.discrete = isinstance(actions, spaces.Discrete)
        outputs = int(actions.n) if self.discrete else int(np.prod(actions.shape))  # type: ignore[attr-defined]
        image = len(shape) == 3
        self.shared = Convolutions(shape) if image else nn.Identity()
        inputs = self.shared.features if isinstance(self.shared, Convolutions) else int(np.prod(shape))
        activation = nn.ReLU if image else nn.Tanh
        self.policy = layers([inputs, *hiddens, outputs], activation)
        self.value = layers([inputs, *hiddens, 1], activation)
        if not self.discrete:
            self.log_std = nn.Parameter(torch.zeros(outputs))

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits or means (B, actions), and values (B,)."""
        seen = self.shared(observations)
        return self.policy(seen), self.value(seen).squeeze(-1)

    def distribution(self, outputs: torch.Tensor) -> torch.distributions.Distribution:
        """Of one action for each row; a Gaussian's dimensions count as one event."""
        if self.discrete:
            return torch.distributions.Categorical(logits=outputs, validate_args=False)
        normal = torch.distributions.Normal(outputs, self.log_std.exp(), validate_args=False)
        return torch.distributions.Independent(normal, 1, validate_args=False)


class SquashedPolicy(nn.Module):
    """SAC's policy: means and log standard deviations of a Gaussian, squashed to -1 to 1."""

    def __init__(self, observations: int, actions: int, hiddens: tuple[int, ...]) -> None:
        super().__init__()
        self.body = layers([observations, *hiddens, 2 * actions], nn.ReLU)

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Actions (B, dimensions) and the logarithms of their densities (B,)."""
        means, log_stds = self.body(observations).chunk(2, -1)
        log_stds = log_stds.clamp(-20.0, 2.0)
        noise = torch.randn_like(means)
        raw = means + noise * log_stds.exp()
        gaussian = -0.5 * noise.square() - log_stds - 0.5 * np.log(2 * np.pi)
        squashing = 2.0 * (np.log(2.0) - raw - nn.functional.softplus(-2.0 * raw))
        return torch.tanh(raw), (gaussian - squashing).sum(-1)


class QNetwork(nn.Module):
    """SAC's value of an action: plain layers over the observation and the action, joined."""

    def __init__(self, observations: int, actions: int, hiddens: tuple[int, ...]) -> None:
        super().__init__()
        self.body = layers([observations + actions, *hiddens, 1], nn.ReLU)

    def forward(self, observations: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """(B,)."""
        return self.body(torch.cat([observations, actions], -1)).squeeze(-1)
