"""What the bound counts and measures, and what contenders are started with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def operations(scenario: str, observations: tuple[int, ...], outputs: int, use: str) -> float:
    """Floating point operations a step."""
    from contenders.operations import work
    from contenders.scenarios import SCENARIOS

    products = work(SCENARIOS[scenario], observations, outputs, discrete=True).products
    return sum(product.operations_a_step for product in products if product.use == use)


def test_operations_of_ppo_are_those_of_two_towers_forward_and_backward() -> None:
    # Weights of both towers, two operations each: forward, by the weights, and by all inputs but the first layer's.
    inner, first, last = 64 * 64, 4 * 64, (2 + 1) * 64
    a_row = 2 * (3 * (2 * inner) + 3 * last + 2 * (2 * first))
    assert operations("ppo-cartpole-64x64-of250", (4,), 2, "updates") == pytest.approx(10 * a_row)
    assert operations("ppo1-cartpole-64x64", (4,), 2, "updates") == pytest.approx(a_row)
    acting = 2 * (2 * (first + inner) + last)
    assert operations("ppo-cartpole-64x64-of250", (4,), 2, "acting") == pytest.approx(acting)
    assert operations("rollout-cartpole", (4,), 2, "acting") == pytest.approx(
        2 * (4 * 256 + 256 * 256 + 256 * 2)
    )


def test_operations_of_dqn_are_a_target_pass_and_one_gradient() -> None:
    layers = (4 * 64, 64 * 64, 64 * 2)
    forward, by_inputs = sum(layers), sum(layers[1:])
    # 64 rows an update, an update in 16 steps.
    assert operations("dqn-cartpole-64x64", (4,), 2, "updates") == 2 * (64 / 16) * (3 * forward + by_inputs)


def test_operations_of_droq_update_the_policy_once_for_all_updates_of_the_critics() -> None:
    from contenders.operations import dense
    from contenders.scenarios import SCENARIOS

    policy, critic = 3 * 256 + 256 * 256 + 256 * 2, 4 * 256 + 256 * 256 + 256
    of_critics = policy + 2 * critic + 2 * (3 * critic - 4 * 256)
    of_policy = 3 * policy - 3 * 256 + 2 * (2 * critic - 4 * 256 + 256 * 1)
    rows = 2 * SCENARIOS["droq-pendulum"].settings.batch
    for name, critics, policies in (
        ("sac-pendulum", 1, 1),
        ("droq-pendulum", 20, 1),
        ("droq-pendulum-each", 20, 20),
    ):
        wanted = rows * (critics * of_critics + policies * of_policy)
        assert operations(name, (3,), 1, "updates") == pytest.approx(wanted)
    assert dense(4, 256, 256, 1, norm=True).parameters == dense(4, 256, 256, 1).parameters + 2 * 512


def test_the_bound_counts_as_many_parameters_as_torch_has_in_the_same_networks() -> None:
    import numpy as np
    from contenders.networks import ActorCritic, parameters
    from contenders.operations import work
    from contenders.scenarios import SCENARIOS
    from gymnasium import spaces

    images, vectors = ((84, 84, 4), "ppo1-pong"), ((3,), "ppo-pendulum")
    for (shape, name), actions in (
        (images, spaces.Discrete(6)),
        (vectors, spaces.Box(-1, 1, (2,), np.float32)),
    ):
        scenario, discrete = SCENARIOS[name], hasattr(actions, "n")
        model = ActorCritic(spaces.Box(0, 1, shape, np.float32), actions, scenario.settings.hiddens)
        assert work(scenario, shape, 6 if discrete else 2, discrete).parameters == parameters(model)


def test_a_convolution_is_the_product_of_its_patches_with_its_filters() -> None:
    from contenders.operations import convolutions

    first = convolutions((84, 84, 4)).forward("acting", 8, 1.0)[0]
    assert (first.rows, first.inner, first.columns) == (8 * 20 * 20, 8 * 8 * 4, 32)


def test_a_rate_names_its_kernel() -> None:
    from contenders.rates import fastest

    rate = fastest(16, 64, 64, "OpenBLAS here")
    assert rate.rate > 1e8
    assert rate.kernel.startswith(("numpy", "torch", "oneDNN"))


def test_onednn_tells_its_instructions_and_kernel() -> None:
    from contenders.machine import onednn_told

    output = (
        "onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:1\n"
        "onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost\n"
        "onednn_verbose,v1,primitive,exec,cpu,inner_product,brg_matmul:avx512_core,forward_inference,src:f32\n"
    )
    assert onednn_told(output) == "Intel AVX-512 with Intel DL Boost, brg_matmul:avx512_core"
    assert onednn_told("") == "none"


def test_what_holds_openblas_back_does_not_reach_a_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    from contenders.process import environment

    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "1")
    monkeypatch.setenv("KEPT", "1")
    given = environment(["here"])
    assert "OPENBLAS_CORETYPE" not in given
    assert "OPENBLAS_L2_SIZE" not in given
    assert (given["KEPT"], given["PYTHONPATH"], given["OMP_NUM_THREADS"]) == ("1", "here", "1")
    assert "multi_thread_eigen=false" in given["XLA_FLAGS"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_contender_stays_on_its_core() -> None:
    from contenders.process import run

    core = max(os.sched_getaffinity(0))
    code = "import json, os; print(json.dumps({'cores': list(os.sched_getaffinity(0))}))"
    assert run(["-c", code], 60, core=core)["cores"] == [core]


def test_the_clock_counts_cpu_time_of_processes_below() -> None:
    from contenders.clock import below_cpu_s

    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint('x', flush=True)\ninput()"
    before = below_cpu_s()
    with subprocess.Popen(
        [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        living = below_cpu_s() - before
        child.communicate(b"\n")
    ended = below_cpu_s() - before
    assert living >= 0.25
    assert living - 0.05 <= ended < living + 1.0


def test_a_contender_with_an_environment_of_its_own_says_how_to_make_it(tmp_path: Path) -> None:
    from contenders.catalogue import CONTENDERS

    sbx = CONTENDERS["sbx"]
    assert "pip install -r" in sbx.missing(None)
    assert "--python sbx=" in sbx.missing(None)
    assert "does not start" in sbx.missing(str(tmp_path / "none"))
    absent = CONTENDERS["jax"].missing(sys.executable)
    assert absent is None or "has no" in absent
    for name in ("sbx", "jax"):
        assert (
            Path(__file__).parents[2] / "benchmarks/requirements" / CONTENDERS[name].requirements
        ).is_file()


def test_interpreters_are_pairs_of_a_contender_and_a_path(tmp_path: Path) -> None:
    from contenders.process import interpreters

    assert interpreters([f"sbx={sys.executable}"]) == {"sbx": sys.executable}
    for wrong in ("sbx", "=x", f"sbx={tmp_path / 'none'}"):
        with pytest.raises(ValueError, match="CONTENDER=PATH"):
            interpreters([wrong])


def test_ppo_in_one_jax_program_learns_cartpole() -> None:
    pytest.importorskip("gymnax")
    import jax
    from contenders.jax_ppo import Program
    from contenders.scenarios import PPO

    program = Program("cartpole", 16, PPO(hiddens=(64, 64)))
    carry = jax.jit(program.begin)(jax.random.key(0))
    carry = jax.jit(lambda carry: jax.lax.fori_loop(0, 12, program.iteration, carry))(carry)
    (_, _, _), columns = jax.jit(
        lambda carry: jax.lax.scan(
            lambda moving, _: program.step(carry.params, moving),
            (carry.env, carry.observation, carry.key),
            None,
            250,
        )
    )(carry)
    assert columns[5].mean() < 1 / 100  # episodes of more than a hundred steps
