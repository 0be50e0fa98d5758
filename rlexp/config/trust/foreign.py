"""What a config from elsewhere may not decide, whoever wrote it: what is trusted, and what reaches processes.

A run folder or a `--config-dir` may come from a stranger. Settings that would let it run code of its choosing
count only when the command line says them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from rlexp.base.dotted import at
from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.composition.override_syntax import value_of
from rlexp.config.composition.overrides import added_modules
from rlexp.config.labs.search_path import other_lab, shipped_conf, trusted_here
from rlexp.config.trust.import_path_check import refusals

_HARMLESS = frozenset(
    (
        *("OMP_NUM_THREADS", "OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_PLACES", "OMP_WAIT_POLICY", "OMP_SCHEDULE"),
        *("MKL_NUM_THREADS", "MKL_DYNAMIC", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS"),
        *("NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS"),
        *("KMP_AFFINITY", "KMP_BLOCKTIME", "GOMP_CPU_AFFINITY", "MALLOC_ARENA_MAX"),
        *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG"),
        *("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "NVIDIA_TF32_OVERRIDE"),
        *("NCCL_P2P_DISABLE", "NCCL_IB_DISABLE", "NCCL_SHM_DISABLE", "XLA_PYTHON_CLIENT_PREALLOCATE"),
        *("XLA_PYTHON_CLIENT_MEM_FRACTION", "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"),
        *(
            "MUJOCO_GL",
            "MUJOCO_EGL_DEVICE_ID",
            "SDL_VIDEODRIVER",
            "SDL_AUDIODRIVER",
            "PYGAME_HIDE_SUPPORT_PROMPT",
        ),
        *("PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER", "TOKENIZERS_PARALLELISM"),
        *("TZ", "LANG", "LC_ALL", "LC_NUMERIC", "NO_COLOR"),
    )
)
"""Environment variables that any config may set: none of them loads code or opens a file.

Hundreds of programs read hundreds of others (`OPENSSL_CONF`, `NODE_OPTIONS`, `PYTHONWARNINGS`, ...) that do.
"""


def refuse_foreign(
    plain: Mapping[str, Any],
    overrides: Sequence[str],
    *,
    origin: str,
    vouched: Mapping[str, Any] | None = None,
    choices_are_theirs: bool = False,
    own: bool = False,
) -> None:
    """Refuses what a config from `origin` sets for itself and only the command line, or one's own lab, may.

    Args:
        plain: the config, with the overrides on top.
        overrides: as on the command line; what they set is this user's own word.
        origin: what the config came from, for the message.
        vouched: a config that has been accepted; what it sets may be set to the same.
        choices_are_theirs: whether a choice that the command line makes may be a file of `origin`: then what that
            file says is not the user's word.
        own: whether this user has saved the config: then it is only asked again for a cluster's address, behind which
            another cluster may be by now.

    Raises:
        ConfigError: naming each such key and what to write if its author is trusted.
    """
    said = said_by(overrides, choices_are_theirs=choices_are_theirs)
    problems = [
        ConfigError(
            f"{origin}: {key}: {why}" if key not in why else f"{origin}: {why}",
            key=key,
            fix=f"{fix}, if you trust whoever wrote it" if fix else None,
        )
        for key, why, fix in (_address(plain) if own else _claims(plain, overrides))
        if not said(key) and not _same(vouched, plain, key)
    ]
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)


def said_by(overrides: Sequence[str], *, choices_are_theirs: bool = False) -> Callable[[str], bool]:
    """A function that is true of the keys that the command line itself sets; see `refuse_foreign`."""
    texts = [text for text in overrides if not (choices_are_theirs and _is_choice(text))]
    said = [key for text in texts for key in _keys(text)]
    return lambda key: any(key == name or key.startswith((f"{name}.", f"{name}[")) for name in said)


def _keys(text: str) -> list[str]:
    """The keys that an override sets; a mapping is merged into what is there, so it sets only those inside."""
    key, _, value = text.lstrip("+~").partition("=")
    if not value.lstrip().startswith("{"):
        return [key]
    return list(_leaves(key, value_of(value)))


def _leaves(key: str, node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, inner in node.items():
            yield from _leaves(f"{key}.{name}", inner)
    else:
        yield key


def _is_choice(text: str) -> bool:
    """True if an override chooses files of a group, and does not set keys itself."""
    key, _, value = text.lstrip("+~").partition("=")
    return key in _groups() and not value.lstrip().startswith("{")


@lru_cache(maxsize=1)
def _groups() -> frozenset[str]:
    return frozenset(folder.name for folder in shipped_conf().iterdir() if folder.is_dir())


def _labs() -> list[str]:
    return [package for package in trusted_here() if package not in DEFAULT_TRUSTED]


def _same(vouched: Mapping[str, Any] | None, plain: Mapping[str, Any], key: str) -> bool:
    """True if an accepted config sets the same there; of what is inside a list, the same list."""
    outer = key.partition("[")[0]
    mine = at(plain, outer)
    return mine is not None and vouched is not None and at(vouched, outer) == mine


def granted(overrides: Sequence[str]) -> tuple[str, ...]:
    """Modules that the command line trusts with anything, whoever names what lies in them.

    `trusted=+mine` says so of `mine`; a whole list says so of what is in it beside the shipped modules, which anyone
    may list.

    Raises:
        ConfigError: an override cannot be read.
    """
    texts = [text.lstrip("+") for text in overrides]
    values = [value_of(text.partition("=")[2]) for text in texts if text.startswith("trusted=")]
    if not values:
        return ()
    if isinstance(values[-1], str):
        return tuple(added_modules(values[-1]))
    listed = values[-1] if isinstance(values[-1], list) else []
    return tuple(str(name) for name in listed if str(name) not in DEFAULT_TRUSTED)


def _claims(plain: Mapping[str, Any], overrides: Sequence[str]) -> Iterator[tuple[str, str, str | None]]:
    """Keys that a config may not set for itself: the key, what it asks for, what to write instead."""
    listed = plain.get("trusted")
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    if more := [name for name in names if name not in trusted_here()]:
        yield (
            "trusted",
            f"the config may call functions of {', '.join(more)}, which nothing here trusts",
            _fix_of_trusted(more),
        )
    yield from refusals(plain, _labs(), granted(overrides))
    if _group(plain, "checkpoint").get("trust"):
        yield (
            "checkpoint.trust",
            "the config says that its checkpoints are to be trusted",
            "checkpoint.trust=true",
        )
    if _group(plain, "data").get("trust"):
        yield ("data.trust", "the config says that its recorded data is to be trusted", "data.trust=true")
    yield from _address(plain)
    for name, value in _group(_group(plain, "hardware"), "env_vars").items():
        if not is_harmless(str(name), value):
            yield (
                f"hardware.env_vars.{name}",
                f"the config sets the environment variable {name}, and some variables make processes load code",
                f"'hardware.env_vars.{name}=\"...\"'",
            )


def _address(plain: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    address = _group(plain, "hardware").get("address", "local")
    if address not in ("local", "auto", None):
        yield (
            "hardware.address",
            f"the config joins the Ray cluster {address}, which may send any code back",
            f"hardware.address={address}",
        )


def _fix_of_trusted(more: Sequence[str]) -> str:
    """How to trust modules that nothing here trusts: those of a lab around the run are used with the lab."""
    lab = other_lab()
    if lab is not None and set(more) <= set(lab.packages):
        return f"RLEXP_LAB={lab.root} rlexp ..., which uses the lab around it"
    return f"trusted=+{'+'.join(more)}"


def _group(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = plain.get(name)
    return group if isinstance(group, Mapping) else {}


def is_harmless(name: str, value: object = "") -> bool:
    """True if anyone's config may set this variable to this; a value that could be a path is refused."""
    return name in _HARMLESS and not set(str(value)) & set("/\\\n\0~")
