"""Kernels: every library gives the same, the fastest is chosen by measurement, and what is gone is done without."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from harness import train_tiny
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits
from torch import nn

from rlexp.base.errors import ConfigError
from rlexp.compat import applied
from rlexp.engine.dense import kernel_cache, kernels, trials
from rlexp.engine.dense.chain import chain_of
from rlexp.engine.dense.flat_parameters import FlatParameters
from rlexp.engine.dense.functions import ACCURACY, EXACT, FUNCTIONS
from rlexp.engine.dense.kernel_timing import fastest, seconds
from rlexp.engine.dense.kernels import Kernels
from rlexp.engine.dense.products import NUMPY, TORCH, Products, onednn

ONEDNN = onednn()
LIBRARIES: dict[str, Products] = {"numpy": NUMPY, "torch": TORCH} | ({"onednn": ONEDNN} if ONEDNN else {})
NAMES = ("auto", *LIBRARIES)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(applied, "_logged", set())
    kernels._shared.cache_clear()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(limits=1, user_api="blas"):
        yield tmp_path / "rlexp"
    torch.set_num_threads(threads)
    kernels._shared.cache_clear()


def _array(rng: np.random.Generator, *shape: int) -> Any:
    return rng.standard_normal(shape, np.float32)


@pytest.mark.parametrize("name", LIBRARIES)
@given(
    rows=st.integers(1, 70),
    width_in=st.integers(1, 40),
    width_out=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_a_librarys_products_are_those_of_float64(
    name: str, rows: int, width_in: int, width_out: int, seed: int
) -> None:
    by, rng = LIBRARIES[name], np.random.default_rng(seed)
    x, w, b = _array(rng, rows, width_in), _array(rng, width_out, width_in), _array(rng, width_out)
    d = _array(rng, rows, width_out + 1)[:, 1:]  # A part of the columns, as gradients of joined layers are.
    x.flags.writeable = False
    shape = {"atol": 1e-4, "rtol": 1e-4}
    xs, ws, bs, ds = (each.astype(np.float64) for each in (x, w, b, d))
    forward, dx, dw = (np.empty(each, np.float32) for each in ((rows, width_out), x.shape, w.shape))
    np.testing.assert_allclose(by.linear(x, w, b, forward), xs @ ws.T + bs, **shape)
    np.testing.assert_allclose(by.linear(x, w, None, forward), xs @ ws.T, **shape)
    np.testing.assert_allclose(by.times(d, w, dx), ds @ ws, **shape)
    by.transposed_times(d, x, dw)
    np.testing.assert_allclose(dw, ds.T @ xs, **shape)


@pytest.mark.parametrize(("name", "by"), [(name, by) for name in FUNCTIONS for by in FUNCTIONS[name]])
def test_a_function_is_as_accurate_as_it_says_and_keeps_what_is_not_finite(name: str, by: str) -> None:
    x = np.concatenate([np.linspace(-20, 20, 100_001), [-np.inf, -200, 200, np.inf, np.nan]]).astype(
        np.float32
    )
    if name == "expm1":
        x = np.minimum(x, np.float32(0))
    with np.errstate(over="ignore"):
        exact = EXACT[name](x.astype(np.float64))
    for out in (np.empty_like(x), x):
        np.testing.assert_allclose(FUNCTIONS[name][by](x, out), exact, rtol=0, atol=ACCURACY)


@pytest.mark.parametrize("wanted", NAMES)
@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.SiLU, nn.ELU])
def test_a_chain_by_any_kernels_has_autograds_gradients(wanted: str, activation: type[nn.Module]) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 64), activation(), nn.Linear(64, 64), activation(), nn.Linear(64, 1))
    x = torch.randn(200, 3)
    y = module(x)
    y.square().sum().backward()  # type: ignore[no-untyped-call]
    expected = [parameter.grad.clone() for parameter in module.parameters() if parameter.grad is not None]
    with kernels.using(Kernels(wanted)):
        chain = chain_of(module)
    flat = FlatParameters(module.parameters())
    chain.view(flat)
    for _ in range(2):
        mine = chain.forward(x.numpy())
        np.testing.assert_allclose(mine, y.detach(), atol=1e-5)
        chain.backward(2 * mine)
        flat.offer_gradients()
        for parameter, gradient in zip(module.parameters(), expected, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, atol=1e-4, rtol=1e-4)


def test_another_way_is_taken_if_it_is_faster_by_the_margin() -> None:
    assert fastest({"numpy": 1.0, "onednn": 0.9}, "numpy") == "numpy"
    assert fastest({"numpy": 1.0, "torch": 0.95, "onednn": 0.8}, "numpy") == "onednn"
    assert fastest({"torch": 1.0}, "numpy") == "torch" and fastest({}, "numpy") == "numpy"


def test_a_way_that_fails_or_is_off_is_left_out() -> None:
    right, wrong = np.ones(4, np.float32), np.ones(4, np.float32) + np.float32(0.01)

    def fails() -> Any:
        raise RuntimeError("could not create a primitive")

    found = seconds({"numpy": lambda: right, "torch": lambda: wrong, "onednn": fails}, np.ones(4), 1e-3)
    assert list(found) == ["numpy"]


def _fill(chosen: Kernels) -> list[str]:
    parts = [chosen.products(part, 250, 128, 128).name for part in ("forward", "by_input", "by_weights")]
    ways = FUNCTIONS["tanh"]
    function = chosen.function("tanh", 250 * 128)
    return [*parts, next(name for name, way in ways.items() if way is function)]


def test_what_was_measured_is_chosen_again_without_measuring(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = Kernels("auto")
    chosen = _fill(first)
    with caplog.at_level(logging.INFO, kernels.__name__):
        first.settle()
        first.settle()
    assert [record.getMessage() for record in caplog.records] == [f"kernels: {first.chosen()}"]
    (file,) = own_cache.iterdir()
    content = json.loads(file.read_text())
    assert len(content["chosen"]) == 4 and content["made_for"]["processor"]
    monkeypatch.setattr(trials, "product", None)
    monkeypatch.setattr(trials, "function", None)
    assert _fill(Kernels("auto")) == chosen
    content["chosen"] = dict.fromkeys(content["chosen"], "torch")
    file.write_text(json.dumps(content))
    assert _fill(Kernels("auto")) == ["torch"] * 4
    monkeypatch.setenv("OPENBLAS_CORETYPE", "of another time")
    assert kernel_cache.read() == {}


@pytest.mark.parametrize("text", ["", "[1]", '{"chosen": 3}', '{"chosen": {"tanh 32768": 3}}', "\x00"])
def test_a_broken_file_of_choices_is_ignored_and_written_anew(own_cache: Path, text: str) -> None:
    kernel_cache.add({"tanh 32768": "exp"})
    (file,) = own_cache.iterdir()
    file.write_text(text)
    assert kernel_cache.read() == {}
    kernel_cache.add({"tanh 32768": "exp"})
    assert kernel_cache.read() == {"tanh 32768": "exp"}


def test_choices_that_another_process_wrote_first_stay() -> None:
    kernel_cache.add({"tanh 4096": "exp"})
    kernel_cache.add({"tanh 4096": "torch", "tanh 8192": "torch"})
    assert kernel_cache.read() == {"tanh 4096": "exp", "tanh 8192": "torch"}


def test_a_folder_that_cannot_be_written_to_is_done_without(own_cache: Path) -> None:
    own_cache.write_text("a file stands in the way")
    chosen = Kernels("auto")
    _fill(chosen)
    chosen.settle()
    assert own_cache.is_file() and kernel_cache.read() == {}


def test_small_shapes_are_numpys_and_a_process_measures_for_its_time_alone(own_cache: Path) -> None:
    chosen = Kernels("auto")
    assert chosen.products("forward", 64, 64, 64) is NUMPY and chosen.fused("tanh", 64, 64, 64) is None
    chosen._seconds_left = 0.0
    _fill(chosen)
    chosen.settle()
    kept = set(kernel_cache.read().values())
    assert kept and kept <= {"numpy", "two"}, "a later run of the same seed takes the same"


@pytest.mark.skipif(ONEDNN is None, reason="this torch has no oneDNN")
@pytest.mark.parametrize("gone", ["description", "operator", "failing"])
def test_without_onednns_operator_the_next_best_is_taken(
    gone: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("could not create a primitive")

    class Gone:
        def __getattr__(self, name: str) -> object:
            if gone == "failing":
                return fails
            raise AttributeError(name)

    if gone == "description":
        from torch import _meta_registrations

        monkeypatch.delattr(_meta_registrations, "meta_linear_pointwise_default")
    else:
        monkeypatch.setattr(torch.ops, "mkldnn", Gone())
    chosen = Kernels("auto")
    assert "onednn" not in _fill(chosen) and chosen.fused("tanh", 250, 128, 128) is None
    if gone != "failing":
        assert any("linear_pointwise" in record.getMessage() for record in caplog.records)
        with pytest.raises(ConfigError, match=r"hardware\.kernels=onednn") as caught:
            kernels.check_there("onednn")
        assert caught.value.fix == "hardware.kernels=auto"


def test_a_run_has_the_kernels_that_it_asks_for_and_says_so(tmp_path: Path) -> None:
    ppo = ["env=cartpole", "algorithm=ppo", "tracking=none", "evaluation=none", "hardware.kernels=torch"]
    outcome = train_tiny(ppo, tmp_path / "runs")
    assert outcome.status == "done"
    log = (outcome.folder / "log.txt").read_text()
    assert "updates by formula" in log and log.count("kernels: torch for everything") == 1


HELD_BACK = {"ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"}
CHAIN = """
import json, logging, sys
logging.basicConfig(level=logging.INFO)
import numpy as np, torch
from threadpoolctl import threadpool_limits
torch.set_num_threads(1)
threadpool_limits(1, user_api="blas")
if "gone" in sys.argv:
    from torch import _meta_registrations
    del _meta_registrations.meta_linear_pointwise_default
from rlexp.engine.dense import kernels
from rlexp.engine.dense.chain import chain_of
from rlexp.engine.dense.flat_parameters import FrozenParameters
module = torch.nn.Sequential(torch.nn.Linear(8, 256), torch.nn.Tanh(), torch.nn.Linear(256, 256), torch.nn.Tanh())
chosen = kernels.Kernels("auto")
with kernels.using(chosen):
    chain = chain_of(module)
chain.view(FrozenParameters)
x = torch.randn(250, 8)
print(float(np.abs(chain.forward(x.numpy()) - module(x).detach().numpy()).max()))
chosen.settle()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "arguments"), [(HELD_BACK, []), ({}, ["gone"]), (HELD_BACK, ["gone"])]
)
def test_a_process_that_is_held_back_chooses_by_itself(
    environment: dict[str, str], arguments: list[str], own_cache: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHAIN, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert float(done.stdout) < 1e-5
    assert "kernels: numpy" in done.stderr
    assert ("goes without torch.linear_pointwise" in done.stderr) == bool(arguments)
    (file,) = own_cache.iterdir()
    assert environment.items() <= json.loads(file.read_text())["made_for"]["environment"].items()
    if arguments:
        assert "onednn" not in file.read_text().partition('"chosen"')[2]
