"""What a run's sizes would take of memory at least: numbers that cannot be meant are refused before they eat it.

Lower bounds only, so that nothing is refused that could run: an env step's record is taken as 64 bytes, an
environment as one kibibyte.
"""

from __future__ import annotations

from collections.abc import Iterator

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.callables.annotations import is_number
from rlexp.config.iterations import BUFFER_CAPACITY, number_at
from rlexp.config.schema import RunConfig
from rlexp.hardware.machine.machine import Machine

STEP_BYTES = 64
"""Of one env step: observation, action, reward and what the learner adds, for the smallest of environments."""
ENV_BYTES, PROCESS_BYTES = 1 << 10, 20 << 20
CRITIC_BYTES = 1 << 10
"""Of a network of 64 parameters, the smallest that could be one."""
PARAMETER_BYTES = 16
"""Of a network's parameter: itself, its gradient, and Adam's two moments, as 32-bit floats."""


def check_memory(config: RunConfig, machine: Machine) -> None:
    """Refuses sizes that alone would take more memory than the machine lets the run use.

    Raises:
        ConfigErrors: saying how much each would take.
    """
    have = machine.memory_bytes
    problems = [
        ConfigError(
            f"{key}={value:,.12g} would take at least {in_words(needed)} of memory ({what}); "
            f"this machine lets the run use {in_words(have)}",
            key=key,
            fix=f"{key}={_fitting(value, needed, have):,d}".replace(",", ""),
        )
        for key, value, needed, what in _needs(config)
        if needed > have
    ]
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)


def in_words(size: float) -> str:
    """Bytes in the largest unit of which there is one."""
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024:
            return f"{size:,.3g} {unit}"
        size /= 1024
    return f"{size:,.3g} EiB"


def _fitting(value: float, needed: float, have: float) -> int:
    """A number that fits, a tenth of the most: a power of ten."""
    most, fitting = value * have / needed / 10, 1
    while fitting * 10 <= most:
        fitting *= 10
    return fitting


def _needs(config: RunConfig) -> Iterator[tuple[str, float, float, str]]:
    """Key, value, bytes at least, and what takes them."""
    for name in ("train_batch_size_per_learner", "train_batch_size", "minibatch_size"):
        if (steps := number_at(config, f"algorithm.{name}")) is not None:
            yield f"algorithm.{name}", steps, steps * STEP_BYTES, "the env steps of one batch"
    envs = number_at(config, "hardware.num_envs_per_env_runner")
    if envs is not None:
        in_processes = config.hardware.settings.get("gym_env_vectorize_mode") == "async"
        each = PROCESS_BYTES if in_processes else ENV_BYTES
        yield "hardware.num_envs_per_env_runner", envs, envs * each, "the environments of one env runner"
    count = float(config.evaluation.num_envs)
    yield "evaluation.num_envs", count, count * ENV_BYTES, "the environments of an evaluation"
    if (length := number_at(config, "algorithm.rollout_fragment_length")) is not None:
        size = length * max(1.0, envs or 1.0) * STEP_BYTES
        yield "algorithm.rollout_fragment_length", length, size, "the env steps of one rollout"
    capacity = number_at(config, BUFFER_CAPACITY)
    if capacity is not None:
        kept = min(capacity, float(config.stop.env_steps or capacity))
        yield BUFFER_CAPACITY, capacity, kept * STEP_BYTES, "the env steps that the run would keep"
    yield from _heads(config)
    yield from _network(config)


def _heads(config: RunConfig) -> Iterator[tuple[str, float, float, str]]:
    """Sizes of networks and batches that are the algorithm's own."""
    for name in ("num_atoms", "n_quantiles"):
        if (outputs := number_at(config, f"algorithm.{name}")) is not None:
            yield f"algorithm.{name}", outputs, outputs * PARAMETER_BYTES, "the critic's output layer"
    if (critics := number_at(config, "algorithm.n_critics")) is not None:
        yield "algorithm.n_critics", critics, critics * CRITIC_BYTES, "the critics' networks"
    sequences, length = (
        number_at(config, "algorithm.batch_size_B"),
        number_at(config, "algorithm.batch_length_T"),
    )
    if sequences is not None and length is not None:
        size = sequences * length * STEP_BYTES
        yield "algorithm.batch_size_B", sequences, size, "the sequences of one batch"
        yield "algorithm.batch_length_T", length, size, "the sequences of one batch"


def _network(config: RunConfig) -> Iterator[tuple[str, float, float, str]]:
    model = config.model.settings
    for name in ("fcnet_hiddens", "head_fcnet_hiddens", "fusionnet_hiddens"):
        widths = [width for width in model.get(name) or () if is_number(width)]
        pairs = zip([1, *widths], widths, strict=False)
        parameters = float(sum(float(a) * float(b) for a, b in pairs))
        if widths:
            yield f"model.{name}", float(max(widths)), parameters * PARAMETER_BYTES, "the network's layers"
    if (cells := number_at(config, "model.lstm_cell_size")) is not None:
        yield "model.lstm_cell_size", cells, 4 * cells * cells * PARAMETER_BYTES, "the LSTM"
    if model.get("use_lstm") and (length := number_at(config, "model.max_seq_len")) is not None:
        yield (
            "model.max_seq_len",
            length,
            length * STEP_BYTES,
            "a sequence, which is filled up to that length",
        )
