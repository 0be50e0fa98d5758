"""What only this program knows, on its way to env runners: classes of its script or notebook, ids that it registers.

Other processes have another `__main__`, and another registry of Gymnasium's. What they need is pickled by value.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rlexp.config.callables.targets import MAIN, brought, locate
from rlexp.config.convert import to_plain
from rlexp.config.schema import RunConfig
from rlexp.config.trust.allow_list import ENVIRONMENT, METRIC, WRAPPER, is_import_path
from rlexp.config.trust.trusted_modules import named

_ID = "id:"


def packed(config: RunConfig) -> dict[str, bytes]:
    """What env runners need of this program, by path, or by id with `id:` before it."""
    import cloudpickle

    found: dict[str, Any] = {}
    for item in named(to_plain(config)) if MAIN in config.trusted else ():
        path = item.path.replace(":", ".")
        if path.startswith(f"{MAIN}.") and item.place in (ENVIRONMENT, WRAPPER, METRIC):
            found[path] = locate(path, config.trusted)
    if (spec := registered_here(config.env.id)) is not None:
        found[_ID + config.env.id] = spec
    return {name: cloudpickle.dumps(value) for name, value in found.items()}


def unpack(objects: Mapping[str, bytes]) -> None:
    """Makes what another process has `packed` known in this one."""
    import cloudpickle

    for name, content in objects.items():
        if name in brought or (name.startswith(_ID) and _is_known(name.removeprefix(_ID))):
            continue
        value = cloudpickle.loads(content)
        if name.startswith(_ID):
            import gymnasium

            gymnasium.registry[name.removeprefix(_ID)] = value
        else:
            brought[name] = value


def registered_here(env_id: str) -> Any:
    """The registry's entry of an id that does not come with Gymnasium, nor with a module that is named before it."""
    if ":" in env_id or is_import_path(env_id) or "gymnasium" not in sys.modules:
        return None
    import gymnasium

    spec = gymnasium.registry.get(env_id)
    entry = spec.entry_point if spec is not None else None
    return None if entry is None or str(entry).startswith("gymnasium.envs.") else spec


def _is_known(env_id: str) -> bool:
    import gymnasium

    return env_id in gymnasium.registry
