"""Whether a callback's hooks are those that RLlib and the run call, and whether they work in a small run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.testing.part import Part, describe

RUN_HOOKS = ("on_run_start", "on_record", "on_checkpoint", "on_run_end")


def check_callback(
    callback: Callable[..., Any] | str, *, train: Sequence[str] | None = (), **arguments: Any
) -> None:
    """Looks at a callback's hooks, and trains two small iterations with it.

    Args:
        callback: its class, or its import path.
        train: further overrides of the run that it is tried in, such as `["env=pendulum"]`; None leaves the run out.
        arguments: as they stand beside `_target_` in the `callbacks` group.

    Raises:
        AssertionError: a hook has a name that nothing calls, or cannot take what it is called with; `METRICS` is wrong
            or lacks what is logged; the constructor writes files; or the run fails.
    """
    part = Part(callback)
    made = _made(part, arguments)
    _check_names(part, made)
    _check_declared(part, made)
    part.finish()  # a run would say the same less clearly
    if train is not None:
        _train(part, train, arguments)
    part.finish()


def _made(part: Part, arguments: dict[str, Any]) -> Any:
    """An instance, made in an empty folder in which it must leave nothing."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            made = part.target(**arguments)
        except Exception as error:
            part.stop(f"making it raised {describe(error)}")
        finally:
            os.chdir(before)
        if left := sorted(path.name for path in Path(folder).iterdir()):
            part.flaw(
                f"__init__ wrote {left[0]}; begin files in on_run_start: one instance is made in every process"
            )
    return made


def _check_names(part: Part, made: Any) -> None:
    from rlexp.run.building.old_callback_hooks import PASSED, check_hooks

    try:
        check_hooks("callbacks.it", made)
    except ConfigError as error:
        part.flaw(str(error))
        return
    known = (*PASSED, *RUN_HOOKS)
    for name in dir(type(made)):
        if name.startswith("on_") and callable(getattr(made, name)) and not _is_known(made, name, known):
            near = nearest(name, known)
            part.flaw(
                f"nothing calls {name}; "
                + (f"write {near[0]}" if near else f"the hooks are {', '.join(known)}")
            )


def _is_known(made: Any, name: str, known: Sequence[str]) -> bool:
    from ray.rllib.callbacks.callbacks import RLlibCallback

    from rlexp.engine.run_callback import RunCallback

    if name in RUN_HOOKS and not isinstance(made, RunCallback):
        return False
    return name in known or hasattr(RLlibCallback, name)


def _check_declared(part: Part, made: Any) -> None:
    metrics = getattr(made, "METRICS", ())
    if isinstance(metrics, str):
        part.flaw(f"METRICS is the text {metrics!r}; write a tuple: METRICS = ({metrics!r},)")
        return
    for name in metrics:
        if not isinstance(name, str):
            part.flaw(f"METRICS has {name!r}, which is no name")
        elif name.startswith("custom/"):
            part.flaw(
                f"METRICS has {name!r}; write {name.removeprefix('custom/')!r}: custom/ is put before every name"
            )


def _train(part: Part, overrides: Sequence[str], arguments: dict[str, Any]) -> None:
    """Two small iterations with an evaluation and a checkpoint, so that most hooks are called."""
    import rlexp

    with tempfile.TemporaryDirectory() as folder:
        words = ["hardware=local", "callbacks=none", "tracking=none", "debug=tiny", f"runs_dir={folder}"]
        trust = f"trusted=+{part.path.partition('.')[0]}"
        try:
            config = rlexp.compose([*words, trust, *overrides])
            config.callbacks["it"] = {"_target_": part.path, **arguments}
            outcome = rlexp.train(config)
        except ConfigError as error:
            part.stop(f"a run with it cannot start: {error}")
            return
        if outcome.error is not None:
            part.flaw(f"a run with it failed: {outcome.error}")
            return
        _check_logged(part, outcome.folder / "metrics.jsonl")


def _check_logged(part: Part, file: Path) -> None:
    """What was logged as custom metric stands in METRICS, so that a config may name it."""
    import json

    suffixes = ("_mean", "_min", "_max")
    logged = {name for line in file.read_text().splitlines() for name in json.loads(line)}
    names = {name.partition("/")[2] for name in logged if name.startswith("custom/")}
    bare = {name.removesuffix(next((s for s in suffixes if name.endswith(s)), "")) for name in names}
    declared = set(getattr(part.target, "METRICS", ()))
    for name in sorted(bare - declared):
        part.flaw(
            f"it logs {name!r}, which METRICS lacks; add it, so that stop rules and sweeps may name custom/{name}_mean"
        )
