"""How recorded data may be read: by readers and with arguments that run no code, unless `data.trust=true`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.base.suggest import nearest
from rlexp.config.schema import DataChoice

READERS = ("read_parquet", "read_json", "read_csv")
"""Of `ray.data`. Others unpickle, connect to servers, or are no readers at all."""

_RESOURCES = ("concurrency", "num_cpus", "num_gpus", "memory")
_READING = (
    *("columns", "file_extensions", "ignore_missing_paths", "include_paths", "include_row_hash", "shuffle"),
    *("override_num_blocks", "parallelism"),
)
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "input_read_method_kwargs": (*_READING, *_RESOURCES),
    "map_batches_kwargs": (*_RESOURCES, "batch_format", "zero_copy_batch", "udf_modifying_row_count"),
    "iter_batches_kwargs": (
        *("prefetch_batches", "batch_format", "drop_last", "local_shuffle_buffer_size", "local_shuffle_seed"),
    ),
}
"""By setting, the arguments of Ray Data that are numbers and names; `runtime_env`, say, installs and runs programs."""


def check_reading(data: DataChoice) -> None:
    """Refuses readers, and arguments of them, that could run code which somebody has put into the data or the config.

    Raises:
        ConfigError: naming the keys, and what to write if the data's author is trusted.
    """
    problems = [] if data.trust else [*_reader(data.settings), *_arguments(data.settings)]
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)


def _reader(settings: Mapping[str, Any]) -> Iterator[ConfigError]:
    key, reader = "data.input_read_method", settings.get("input_read_method")
    if reader is not None and reader not in READERS:
        close = nearest(str(reader), READERS)
        yield ConfigError(
            f"{key}: {reader} is refused: it is none of the readers that run no code ({', '.join(READERS)})",
            key=key,
            suggestions=[f"{key}={name}" for name in close],
            fix="data.trust=true, if you trust whoever recorded the data",
        )


def _arguments(settings: Mapping[str, Any]) -> Iterator[ConfigError]:
    for setting, known in ARGUMENTS.items():
        arguments = settings.get(setting)
        for name, value in arguments.items() if isinstance(arguments, Mapping) else ():
            key = f"data.{setting}.{name}"
            if name in known and _is_plain(value):
                continue
            why = "may only be numbers, texts and lists of them" if name in known else "can run code"
            yield ConfigError(
                f"{key} is refused: the argument {why}; known ones are {', '.join(known)}",
                key=key,
                suggestions=[f"data.{setting}.{other}" for other in nearest(str(name), known)],
                fix="data.trust=true, if you trust whoever wrote it",
            )


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))
