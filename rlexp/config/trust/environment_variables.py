"""The environment variables that a config from elsewhere may set: none of them loads code or opens a file.

Hundreds of programs read hundreds of others (`OPENSSL_CONF`, `NODE_OPTIONS`, `PYTHONWARNINGS`, ...) that do.
"""

from __future__ import annotations

HARMLESS = frozenset(
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


def is_harmless(name: str, value: object = "") -> bool:
    """Whether anyone's config may set this variable to this; a value that could be a path is refused."""
    return name in HARMLESS and not set(str(value)) & set("/\\\n\0~")
