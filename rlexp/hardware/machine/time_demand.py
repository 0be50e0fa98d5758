"""What a run's numbers would take of time at least: those that cannot be meant are refused before they take it.

Lower bounds only, so that nothing is refused that could run: a process makes no more than a hundred thousand env
steps a second and ten thousand updates, whatever they are. Budgets (`stop`) may be of any length: a run may be
interrupted and resumed. What is judged here lies between two checks for an interrupt or between two reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.iterations import BUFFER_CAPACITY, LENGTH, iteration_steps, number_at
from rlexp.config.schema import RunConfig

STEP_S = 1e-5
"""Of an env step with its action, in one process."""
UPDATE_S = 1e-4
"""Of one gradient step."""
LONGEST_S = 7 * 86_400.0
SENSIBLE_S = 60.0
"""What the number that is proposed takes at most, by the same bounds."""


@dataclass(frozen=True)
class Part:
    """A number, and what it makes long.

    Attributes:
        key: of the config.
        value: its number.
        seconds: that `what` takes at least.
        what: in words.
    """

    key: str
    value: float
    seconds: float
    what: str


def check_time(config: RunConfig) -> None:
    """Refuses numbers with which a single evaluation, iteration or update would take more than a week.

    Raises:
        ConfigErrors: saying how long each would take; or a number of steps is more than a replay buffer holds.
    """
    problems = [_refusal(part) for part in _parts(config) if part.seconds > LONGEST_S]
    problems += _beyond_buffer(config)
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)


def in_words(seconds: float) -> str:
    """A long time, in days or years."""
    days = seconds / 86_400
    return f"{days:,.3g} days" if days < 730 else f"{days / 365.25:,.3g} years"


def _refusal(part: Part) -> ConfigError:
    most, sensible = part.value * SENSIBLE_S / part.seconds, 1
    while sensible * 10 <= most:
        sensible *= 10
    return ConfigError(
        f"{part.key}={part.value:,.12g} would take at least {in_words(part.seconds)} for {part.what}",
        key=part.key,
        fix=f"{part.key}={sensible}",
    )


def _parts(config: RunConfig) -> Iterator[Part]:
    yield from _updates(config)
    yield from _evaluation(config)
    yield from _reports(config)


def _updates(config: RunConfig) -> Iterator[Part]:
    batch = number_at(config, "algorithm.train_batch_size_per_learner") or 1.0
    if (epochs := number_at(config, "algorithm.num_epochs")) is not None:
        minibatches = max(1.0, batch / (number_at(config, "algorithm.minibatch_size") or batch))
        yield Part(
            "algorithm.num_epochs", epochs, epochs * minibatches * UPDATE_S, "the updates of one batch"
        )
    steps = float(min(iteration_steps(config), config.stop.env_steps or iteration_steps(config)))
    if (intensity := number_at(config, "algorithm.training_intensity")) is not None:
        seconds = steps * intensity / batch * UPDATE_S
        yield Part("algorithm.training_intensity", intensity, seconds, "the updates of one iteration")
    if (ratio := number_at(config, "algorithm.training_ratio")) is not None:
        sequences = number_at(config, "algorithm.batch_size_B") or 1.0
        replayed = sequences * (number_at(config, "algorithm.batch_length_T") or 1.0)
        yield Part(
            "algorithm.training_ratio",
            ratio,
            steps * ratio / replayed * UPDATE_S,
            "the updates of one iteration",
        )
    if (updates := number_at(config, "data.dataset_num_iters_per_learner")) is not None:
        key = "data.dataset_num_iters_per_learner"
        yield Part(key, updates, updates * UPDATE_S, "the updates of one iteration")


def _evaluation(config: RunConfig) -> Iterator[Part]:
    duration = number_at(config, "evaluation.evaluation_duration")
    if duration is None or (
        config.evaluation.settings.get("evaluation_interval") is None
        and config.evaluation.evaluation_interval_env_steps is None
    ):
        return
    seconds = duration * STEP_S / max(1.0, number_at(config, "evaluation.evaluation_num_env_runners") or 1.0)
    yield Part("evaluation.evaluation_duration", duration, seconds, "one evaluation")


def _reports(config: RunConfig) -> Iterator[Part]:
    """An iteration ends where the budget of env steps or of time does."""
    if config.stop.env_steps is not None or config.stop.wall_s is not None:
        return
    processes = max(1.0, number_at(config, "hardware.num_env_runners") or 1.0)
    if (steps := number_at(config, f"reporting.{LENGTH}")) is not None:
        yield Part(f"reporting.{LENGTH}", steps, steps * STEP_S / processes, "one iteration")
    name = "min_time_s_per_iteration"
    if (seconds := number_at(config, f"reporting.{name}")) is not None:
        yield Part(f"reporting.{name}", seconds, seconds, "one iteration")


def _beyond_buffer(config: RunConfig) -> list[ConfigError]:
    capacity = number_at(config, BUFFER_CAPACITY)
    steps = number_at(config, "algorithm.n_step")
    if capacity is None or steps is None or steps <= capacity:
        return []
    return [
        ConfigError(
            f"algorithm.n_step={steps:,.12g} sums the rewards of more env steps than the replay buffer holds "
            f"({capacity:,.12g})",
            key="algorithm.n_step",
            fix="algorithm.n_step=3",
        )
    ]
