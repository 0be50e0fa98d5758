"""An asynchronous vector environment one of whose processes is gone, or never answers.

Imported only once training starts.
"""

from __future__ import annotations

from typing import Any

from gymnasium.vector import AsyncVectorEnv
from gymnasium.vector.async_vector_env import AsyncState


def lost_process(vector: Any, error: Exception) -> str | None:
    """How the processes ended that `error` tells of, e.g. `process 2 was ended by signal 11`; null for other errors.

    What an environment raises comes back as itself; only a process that is gone breaks its pipe.
    """
    if not isinstance(vector, AsyncVectorEnv) or not isinstance(error, (EOFError, ConnectionError)):
        return None
    for process in vector.processes:
        process.join(0.1)
    gone = [(i, p.exitcode) for i, p in enumerate(vector.processes) if p.exitcode is not None]
    return ", ".join(f"process {i} {_how(code)}" for i, code in gone) or "a process closed its pipe"


def _how(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"


def end_processes(vector: Any) -> None:
    """Closes without asking the environments, which Gymnasium's `close` waits for; does nothing for others."""
    if not isinstance(vector, AsyncVectorEnv) or vector.closed:
        return
    for process in vector.processes:
        process.kill()  # A forked process may have inherited a handler that SIGTERM does not end.
    vector._state = AsyncState.DEFAULT
    vector.close(terminate=True)
