"""The matrix products of acting and learning, counted from a scenario's networks: the arithmetic that nobody avoids.

Left out is what goes element by element (activations, losses, the optimiser), so that no real program
takes less. A convolution counts as the product of its patches with its filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from contenders.scenarios import CONVOLUTIONS, DQN, PPO, SAC, DroQ, Scenario


@dataclass(frozen=True)
class Product:
    """[rows, inner] times [inner, columns], `times_a_step` of them for each env step.

    Attributes:
        use: `acting` or `updates`.
    """

    use: str
    rows: int
    inner: int
    columns: int
    times_a_step: float

    @property
    def operations(self) -> int:
        """Floating point operations of one: a multiplication and an addition for each pair of numbers."""
        return 2 * self.rows * self.inner * self.columns

    @property
    def operations_a_step(self) -> float:
        """Of all of them, for one env step."""
        return self.operations * self.times_a_step


@dataclass(frozen=True)
class Layer:
    """A linear layer as a product: `places` rows for each row of the batch (1, or a convolution's outputs)."""

    inputs: int
    outputs: int
    places: int = 1
    parameters: int = 0


@dataclass(frozen=True)
class Network:
    """Layers one behind another, the first to the last."""

    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Trained ones."""
        return sum(layer.parameters for layer in self.layers)

    def forward(self, use: str, rows: int, times: float) -> list[Product]:
        """One pass over a batch of `rows`."""
        return [
            Product(use, rows * layer.places, layer.inputs, layer.outputs, times) for layer in self.layers
        ]

    def by_weights(self, use: str, rows: int, times: float) -> list[Product]:
        """The derivatives by all weights: dT x."""
        return [
            Product(use, layer.outputs, rows * layer.places, layer.inputs, times) for layer in self.layers
        ]

    def by_inputs(self, use: str, rows: int, times: float, *, first: int = 0) -> list[Product]:
        """The derivatives by the inputs of all layers but the first, of which `first` columns are wanted."""
        products = [
            Product(use, rows * layer.places, layer.outputs, layer.inputs, times) for layer in self.layers[1:]
        ]
        if first:
            products.append(Product(use, rows, self.layers[0].outputs, first, times))
        return products

    def learning(self, use: str, rows: int, times: float, *, first: int = 0) -> list[Product]:
        """Forward and backward; `first` as in `by_inputs`."""
        return [
            *self.forward(use, rows, times),
            *self.by_weights(use, rows, times),
            *self.by_inputs(use, rows, times, first=first),
        ]


def dense(*sizes: int, norm: bool = False) -> Network:
    """Plain layers of these sizes; with `norm` a scale and an offset for each hidden number."""
    pairs = list(zip(sizes, sizes[1:], strict=False))
    return Network(
        tuple(
            Layer(a, b, parameters=(a + 1) * b + (2 * b if norm and place < len(pairs) - 1 else 0))
            for place, (a, b) in enumerate(pairs)
        )
    )


def convolutions(shape: tuple[int, ...]) -> Network:
    """`CONVOLUTIONS` on images of (height, width, channels), without padding."""
    height, width, channels = shape
    layers = []
    for out, kernel, stride in CONVOLUTIONS:
        height, width = ((side - kernel) // stride + 1 for side in (height, width))
        patch = channels * kernel * kernel
        layers.append(Layer(patch, out, height * width, (patch + 1) * out))
        channels = out
    return Network(tuple(layers))


@dataclass(frozen=True)
class Work:
    """What one env step asks for.

    Attributes:
        products: of acting and of updates.
        parameters: trained ones.
    """

    products: list[Product]
    parameters: int


def work(scenario: Scenario, observations: tuple[int, ...], outputs: int, discrete: bool) -> Work:
    """All products of a scenario.

    Args:
        scenario: what is run.
        observations: shape of one.
        outputs: discrete actions, or dimensions of a continuous one.
        discrete: which of both.
    """
    settings = scenario.settings
    if isinstance(settings, PPO):
        return _ppo(scenario, settings, observations, outputs, discrete)
    inputs = math.prod(observations)
    if isinstance(settings, DQN):
        return _dqn(scenario, settings, inputs, outputs)
    return _sac(scenario, settings, inputs, outputs)


def _ppo(
    scenario: Scenario, settings: PPO, observations: tuple[int, ...], outputs: int, discrete: bool
) -> Work:
    """Policy for each row acted on, value for each row of the batch (once), both for each row of each epoch."""
    image = len(observations) == 3
    shared = convolutions(observations) if image else Network(())
    last = shared.layers[-1] if image else None
    inputs = last.places * last.outputs if last else math.prod(observations)
    policy, value = dense(inputs, *settings.hiddens, outputs), dense(inputs, *settings.hiddens, 1)
    acted = 1 / scenario.num_envs
    products = [*shared.forward("acting", scenario.num_envs, acted)]
    products += policy.forward("acting", scenario.num_envs, acted)
    if scenario.learns:
        products += value.forward("acting", settings.batch, 1 / settings.batch)
        rows, times = settings.minibatch, settings.epochs / settings.minibatch
        for network in (policy, value):
            # Behind convolutions the first layer's inputs are derived for, too.
            products += network.learning("updates", rows, times, first=inputs if image else 0)
        products += shared.learning("updates", rows, times)
    log_stds = 0 if discrete else outputs
    return Work(products, shared.parameters + policy.parameters + value.parameters + log_stds)


def _dqn(scenario: Scenario, settings: DQN, inputs: int, outputs: int) -> Work:
    """The target network forward, the online one forward and backward."""
    network = dense(inputs, *settings.hiddens, outputs)
    products = network.forward("acting", scenario.num_envs, 1 / scenario.num_envs)
    if scenario.learns:
        times = 1 / settings.steps_per_update
        products += network.forward("updates", settings.batch, times)
        products += network.learning("updates", settings.batch, times)
    return Work(products, network.parameters)


def _sac(scenario: Scenario, settings: SAC, inputs: int, outputs: int) -> Work:
    """Critics: policy and two targets forward, two critics forward and backward; policy: through both critics."""
    policy = dense(inputs, *settings.hiddens, 2 * outputs)
    critic = dense(inputs + outputs, *settings.hiddens, 1, norm=isinstance(settings, DroQ))
    products = policy.forward("acting", scenario.num_envs, 1 / scenario.num_envs)
    if scenario.learns:
        rows, times = settings.batch, settings.updates / settings.steps_per_update
        products += policy.forward("updates", rows, times)
        products += critic.forward("updates", rows, 2 * times)
        products += critic.learning("updates", rows, 2 * times)
        times = times / settings.policy_delay if isinstance(settings, DroQ) else times
        products += policy.learning("updates", rows, times)
        products += critic.forward("updates", rows, 2 * times)
        products += critic.by_inputs("updates", rows, 2 * times, first=outputs)
    return Work(products, policy.parameters + 2 * critic.parameters)
