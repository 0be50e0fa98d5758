"""What a run's numbers would take of time at least: those that cannot be meant are refused before they take it.

Lower bounds only, so that nothing is refused that could run: a process makes no more than a hundred thousand env
steps a second and ten thousand updates, whatever they are. Budgets (`stop`) may be of any length: a run may be
interrupted and resumed. What is judged here lies between two checks for an interrupt or between two reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.callables.annotations import is_number
from rlexp.config.iterations import LENGTH, iteration_steps
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
    """A number and what it makes long.

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
    settings = config.algorithm.settings
    batch = _number(settings, "train_batch_size_per_learner") or 1.0
    if (epochs := _number(settings, "num_epochs")) is not None:
        minibatches = max(1.0, batch / (_number(settings, "minibatch_size") or batch))
        yield Part(
            "algorithm.num_epochs", epochs, epochs * minibatches * UPDATE_S, "the updates of one batch"
        )
    steps = float(min(iteration_steps(config), config.stop.env_steps or iteration_steps(config)))
    if (intensity := _number(settings, "training_intensity")) is not None:
        seconds = steps * intensity / batch * UPDATE_S
        yield Part("algorithm.training_intensity", intensity, seconds, "the updates of one iteration")
    if (ratio := _number(settings, "training_ratio")) is not None:
        replayed = (_number(settings, "batch_size_B") or 1.0) * (_number(settings, "batch_length_T") or 1.0)
        yield Part(
            "algorithm.training_ratio",
            ratio,
            steps * ratio / replayed * UPDATE_S,
            "the updates of one iteration",
        )
    if (updates := _number(config.data.settings, "dataset_num_iters_per_learner")) is not None:
        key = "data.dataset_num_iters_per_learner"
        yield Part(key, updates, updates * UPDATE_S, "the updates of one iteration")


def _evaluation(config: RunConfig) -> Iterator[Part]:
    settings = config.evaluation.settings
    duration = _number(settings, "evaluation_duration")
    if duration is None or (
        settings.get("evaluation_interval") is None
        and config.evaluation.evaluation_interval_env_steps is None
    ):
        return
    seconds = duration * STEP_S / max(1.0, _number(settings, "evaluation_num_env_runners") or 1.0)
    yield Part("evaluation.evaluation_duration", duration, seconds, "one evaluation")


def _reports(config: RunConfig) -> Iterator[Part]:
    """An iteration ends where the budget of env steps or of time does."""
    if config.stop.env_steps is not None or config.stop.wall_s is not None:
        return
    processes = max(1.0, _number(config.hardware.settings, "num_env_runners") or 1.0)
    if (steps := _number(config.reporting.settings, LENGTH)) is not None:
        yield Part(f"reporting.{LENGTH}", steps, steps * STEP_S / processes, "one iteration")
    name = "min_time_s_per_iteration"
    if (seconds := _number(config.reporting.settings, name)) is not None:
        yield Part(f"reporting.{name}", seconds, seconds, "one iteration")


def _beyond_buffer(config: RunConfig) -> list[ConfigError]:
    settings = config.algorithm.settings
    buffer = settings.get("replay_buffer_config")
    capacity = _number(buffer, "capacity") if isinstance(buffer, Mapping) else None
    steps = _number(settings, "n_step")
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


def _number(settings: Mapping[str, Any], name: str) -> float | None:
    value = settings.get(name)
    return float(value) if value is not None and is_number(value) else None
