"""What is run: environment, algorithm, hyperparameters and networks, the same for every contender.

`python -m contenders.scenarios NAME` prints one as JSON, as the contenders take it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class PPO:
    """Hyperparameters of PPO; `hiddens` are the tanh layers of two separate networks, policy and value.

    For images both share three convolutions (Mnih et al. 2015) and have a ReLU layer of 512 each. Gaussian policies
    learn their log standard deviation apart from the state.
    """

    kind: ClassVar[str] = "ppo"
    batch: int = 4000  # env steps an iteration, over all environments
    epochs: int = 10
    minibatch: int = 250
    hiddens: tuple[int, ...] = (256, 256)
    lr: float = 3e-4
    gamma: float = 0.99
    lambda_: float = 0.95
    clip: float = 0.2
    value_weight: float = 0.5
    max_grad_norm: float = 0.5


@dataclass(frozen=True)
class DQN:
    """Hyperparameters of DQN: one step, uniform replay, Huber loss, no double or duelling network."""

    kind: ClassVar[str] = "dqn"
    batch: int = 64
    steps_per_update: int = 16
    hiddens: tuple[int, ...] = (256, 256)  # ReLU
    lr: float = 5e-4
    gamma: float = 0.99
    capacity: int = 50_000
    learning_starts: int = 1000
    target_every: int = 500  # env steps
    epsilon: float = 0.05
    epsilon_steps: int = 10_000
    max_grad_norm: float = 10.0


@dataclass(frozen=True)
class SAC:
    """Hyperparameters of SAC: a policy and two Q networks of the same plain layers, learnt entropy weight."""

    kind: ClassVar[str] = "sac"
    batch: int = 256
    steps_per_update: int = 1
    hiddens: tuple[int, ...] = (256, 256)  # ReLU
    lr: float = 3e-4
    gamma: float = 0.99
    tau: float = 0.005
    capacity: int = 100_000
    learning_starts: int = 100
    updates: int = 1  # at a time, one after another


@dataclass(frozen=True)
class DroQ(SAC):
    """Hyperparameters of DroQ (Hiraoka et al. 2022): SAC with many updates of critics that have dropout and layer norm.

    The paper updates policy and entropy weight once for all `updates` of the critics.
    """

    kind: ClassVar[str] = "droq"
    updates: int = 20
    policy_delay: int = 20  # updates of the critics for one of the policy
    dropout: float = 0.01  # of the critics, behind each hidden layer, before its layer norm


Settings = PPO | DQN | SAC
KINDS: dict[str, type[PPO] | type[DQN] | type[SAC]] = {cls.kind: cls for cls in (PPO, DQN, SAC, DroQ)}
CONVOLUTIONS = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
"""Channels, kernel and stride of each convolution where observations are images; no padding."""
IMAGE_HIDDENS = (512,)


@dataclass(frozen=True)
class Scenario:
    """One thing to measure.

    Attributes:
        name: as `--scenarios` has it.
        env: see `contenders.environments`.
        settings: algorithm and hyperparameters.
        num_envs: environments stepped together (by each runner).
        warmup: env steps before the clock starts, at least `learning_starts` and whole iterations.
        steps: env steps that are measured.
        learns: false measures sampling with the policy alone.
        runners: processes that sample; 0: the contender's own.
        goals: contender to the least ratio of `rlexp`'s steps per CPU second to its.
    """

    name: str
    env: str
    settings: Settings
    num_envs: int
    warmup: int
    steps: int
    learns: bool = True
    runners: int = 0
    goals: dict[str, float] = dataclasses.field(default_factory=dict)

    def scaled(self, factor: float) -> Scenario:
        """The same with fewer or more measured steps: whole batches for PPO, one update at least."""
        unit = self.settings.batch if isinstance(self.settings, PPO) else self.settings.steps_per_update
        return dataclasses.replace(self, steps=max(1, round(self.steps * factor / unit)) * unit)

    def to_json(self) -> str:
        """For a contender's command line."""
        plain = dataclasses.asdict(self) | {"kind": self.settings.kind}
        return json.dumps(plain)


def from_json(text: str) -> Scenario:
    """What `to_json` wrote."""
    plain: dict[str, Any] = json.loads(text)
    settings = plain.pop("settings")
    settings["hiddens"] = tuple(settings["hiddens"])
    return Scenario(settings=KINDS[plain.pop("kind")](**settings), **plain)


def from_command_line() -> Scenario:
    """The scenario in a contender's first argument."""
    return from_json(sys.argv[1])


CLASSIC = ("cartpole", "acrobot", "pendulum", "doorkey")
PONG = PPO(batch=1000, epochs=1, hiddens=IMAGE_HIDDENS)
SMALL = (64, 64)
"""Hidden layers that most people train."""


def _ppo() -> list[Scenario]:
    ten = {"sb3": 2.4, "sbx": 1.2, "jax": 0.75, "stock": 1.9}
    one = {"sb3": 2.0, "sbx": 1.4, "stock": 3.0}
    wide = [Scenario(f"ppo-{env}", env, PPO(), 16, 4000, 16_000, goals=ten) for env in CLASSIC]
    wide += [Scenario(f"ppo1-{env}", env, PPO(epochs=1), 16, 4000, 24_000, goals=one) for env in CLASSIC]
    # 4,096 steps are 64 minibatches of 64, none of them shorter than the others.
    of_64, of_250 = PPO(hiddens=SMALL, minibatch=64, batch=4096), PPO(hiddens=SMALL)
    small = [
        Scenario("ppo-cartpole-64x64-of64", "cartpole", of_64, 16, 4096, 16_384, goals={"sb3": 3.5}),
        Scenario("ppo-cartpole-64x64-of250", "cartpole", of_250, 16, 4000, 16_000, goals={"sb3": 2.8}),
        Scenario("ppo1-cartpole-64x64", "cartpole", PPO(hiddens=SMALL, epochs=1), 16, 4000, 24_000),
    ]
    return [*wide, *small, Scenario("ppo1-pong", "pong", PONG, 8, 1000, 3000, goals={"sb3": 1.2})]


def _rollouts() -> list[Scenario]:
    sampling = {"stock": 4.0}
    classic = [
        Scenario(f"rollout-{env}", env, PPO(), 16, 4000, 40_000, learns=False, goals=sampling)
        for env in CLASSIC
    ]
    return [*classic, Scenario("rollout-pong", "pong", PONG, 8, 1000, 4000, learns=False)]


def _off_policy() -> list[Scenario]:
    dqn = {"sb3": 1.8, "sbx": 1.5, "stock": 10.0}
    sac = {"sb3": 2.0, "sbx": 0.95, "stock": 3.0}
    return [
        Scenario("dqn-cartpole", "cartpole", DQN(), 4, 2000, 8000, goals=dqn),
        Scenario("dqn-cartpole-64x64", "cartpole", DQN(hiddens=SMALL), 4, 2000, 8000),
        Scenario("sac-pendulum", "pendulum", SAC(), 1, 300, 400, goals=sac),
        Scenario("droq-pendulum", "pendulum", DroQ(), 1, 200, 100),
        Scenario("droq-pendulum-each", "pendulum", DroQ(policy_delay=1), 1, 200, 100, goals={"sbx": 1.0}),
    ]


SCENARIOS = {scenario.name: scenario for scenario in (*_ppo(), *_rollouts(), *_off_policy())}


def main() -> None:
    """Prints one scenario as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SCENARIOS)
    print(SCENARIOS[parser.parse_args().name].to_json())


if __name__ == "__main__":
    main()
