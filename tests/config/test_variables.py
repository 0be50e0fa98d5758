"""Which environment variables anyone's config may set: those known to be harmless, and no others."""

from __future__ import annotations

import pytest

from rlexp.config.trust.foreign import is_harmless


@pytest.mark.parametrize(
    "name",
    [
        *("LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "PYTHONPATH", "PYTHONSTARTUP", "PATH", "ld_preload"),
        *("OPENSSL_CONF", "SDL_DYNAMIC_API", "COVERAGE_PROCESS_START", "NODE_OPTIONS", "PIP_INDEX_URL"),
        *("MPLCONFIGDIR", "PYTHONWARNINGS", "VK_ICD_FILENAMES", "GCONV_PATH", "DISPLAY", "JAVA_TOOL_OPTIONS"),
        *("NCCL_NET_PLUGIN", "NCCL_DEBUG_FILE", "WANDB_BASE_URL", "ALSA_CONFIG_PATH", "never_heard_of"),
    ],
)
def test_a_variable_that_nobody_vouches_for_is_refused(name: str) -> None:
    assert not is_harmless(name, "1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OMP_NUM_THREADS", "1"),
        ("CUDA_VISIBLE_DEVICES", "0,1"),
        ("PYTHONHASHSEED", "0"),
        ("SDL_VIDEODRIVER", "dummy"),
        ("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
        ("MUJOCO_GL", "egl"),
    ],
)
def test_known_ones_may_be_set(name: str, value: str) -> None:
    assert is_harmless(name, value)


@pytest.mark.parametrize("value", ["/tmp/evil.so", "~/x", "a\nb", "..\\x"])
def test_a_value_that_could_be_a_path_is_refused(value: str) -> None:
    assert not is_harmless("SDL_VIDEODRIVER", value)
