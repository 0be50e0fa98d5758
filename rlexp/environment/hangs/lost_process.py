"""An asynchronous vector environment one of whose processes is gone, or never answers."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any
from weakref import WeakKeyDictionary

from gymnasium.vector import AsyncVectorEnv
from gymnasium.vector.async_vector_env import AsyncState

_CLOSE_S = 5.0
_CLOSE_IN_A_STEP_S = 0.5
"""A step that nobody waits for any more may take for ever."""
_WRITE_S = 1.0
"""How long the processes have to write their stacks."""

_hung: WeakKeyDictionary[AsyncVectorEnv, str] = WeakKeyDictionary()


def lost_process(vector: Any, error: Exception) -> str | None:
    """How the processes ended that `error` tells of, e.g. `process 2 was ended by signal 11`; None for other errors.

    What an environment raises comes back as itself; only a process that is gone breaks its pipe.
    """
    vector = getattr(vector, "unwrapped", None)
    if not isinstance(vector, AsyncVectorEnv) or not isinstance(error, (EOFError, ConnectionError)):
        return None
    if vector in _hung:
        return _hung[vector]
    for process in vector.processes:
        process.join(0.1)
    gone = [(i, p.exitcode) for i, p in enumerate(vector.processes) if p.exitcode is not None]
    return ", ".join(f"process {i} {_how(code)}" for i, code in gone) or "a process closed its pipe"


def _how(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"


def end_hanging(vector: Any, after_s: float) -> bool:
    """Ends all processes, once each has written its stacks; another thread waits for the answer of one.

    Returns:
        Whether there were any: then the waiting thread gets an error that `lost_process` explains.
    """
    vector = getattr(vector, "unwrapped", None)
    if not isinstance(vector, AsyncVectorEnv) or vector.closed or vector._state == AsyncState.DEFAULT:
        return False
    alive = [process for process in vector.processes if process.is_alive()]
    if not alive:
        return False
    _hung[vector] = f"no answer within {after_s:g} s; log.txt has the stacks of its processes"
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGURG)
        time.sleep(_WRITE_S / len(alive))  # One after another, lest they write into each other's lines.
    for process in alive:
        process.kill()
    return True


def end_processes(vector: Any) -> None:
    """Closes without asking the environments, which Gymnasium's `close` waits for; does nothing for others."""
    vector = getattr(vector, "unwrapped", None)
    if not isinstance(vector, AsyncVectorEnv) or vector.closed:
        return
    for process in vector.processes:
        process.kill()  # A forked process may have inherited a handler that SIGTERM does not end.
    vector._state = AsyncState.DEFAULT
    vector.close(terminate=True)


def close_processes(vector: Any) -> None:
    """Has the environments close themselves, and ends the processes that are gone or do not answer soon.

    Gymnasium's `close` waits for ever for a process that hangs. Does nothing for other vector environments.
    """
    vector = getattr(vector, "unwrapped", None)
    if not isinstance(vector, AsyncVectorEnv) or vector.closed:
        return
    in_a_step = vector._state != AsyncState.DEFAULT
    deadline = time.monotonic() + (_CLOSE_IN_A_STEP_S if in_a_step else _CLOSE_S)
    open_pipes = [pipe for pipe in vector.parent_pipes if pipe is not None and not pipe.closed]
    for pipe in open_pipes:
        with contextlib.suppress(OSError):
            pipe.send(("close", None))
    for process in vector.processes:
        process.join(max(0.0, deadline - time.monotonic()))
    end_processes(vector)
