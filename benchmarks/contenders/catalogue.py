"""Who is measured, by name: module, arguments, what it needs, what it can run."""

from __future__ import annotations

import importlib.util
import subprocess
from dataclasses import dataclass

from contenders.process import BENCHMARKS
from contenders.scenarios import Scenario

LOOK = "import importlib.util as u, sys; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])"
ALL_ENVS = ("cartpole", "acrobot", "pendulum", "doorkey", "pong")


@dataclass(frozen=True)
class Contender:
    """One library, or one way to use it.

    Attributes:
        name: as `--contenders` has it.
        modules: the module in this package that runs it, by kind of algorithm; others it does not have.
        arguments: of the module, after the scenario.
        needs: modules to import, for the scenario's environments aside.
        envs: environments it can step.
        delays_policy: whether it can update a policy less often than the critics.
        requirements: the file in `benchmarks/requirements` with what is installed into an environment of its own,
            because it does not go together with `rlexp`'s.
    """

    name: str
    modules: dict[str, str]
    arguments: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    envs: tuple[str, ...] = ALL_ENVS
    delays_policy: bool = True
    requirements: str | None = None

    def runs(self, scenario: Scenario) -> bool:
        """Whether it has the algorithm, with its settings, and the environment."""
        able = scenario.settings.kind in self.modules and scenario.env in self.envs
        return able and (self.delays_policy or getattr(scenario.settings, "policy_delay", 1) == 1)

    def missing(self, python: str | None) -> str | None:
        """Why it cannot run, with what to do; None if it can.

        Args:
            python: the interpreter that it would run in; None: this one.
        """
        if python is None and self.requirements is None:
            absent = [module for module in self.needs if importlib.util.find_spec(module) is None]
            return f"{', '.join(absent)} is not installed" if absent else None
        where = BENCHMARKS / "requirements" / (self.requirements or "")
        install = (
            f"python -m venv ENV && ENV/bin/pip install -r {where}"
            if self.requirements
            else "install it there"
        )
        advice = f"\n    {install}\n    and give it: --python {self.name}=ENV/bin/python"
        if python is None:
            return f"it runs in an environment of its own:{advice}"
        try:
            done = subprocess.run(
                [python, "-c", LOOK, *self.needs], capture_output=True, text=True, check=False
            )
        except OSError as error:
            return f"{python} does not start ({error.strerror}):{advice}"
        absent = done.stdout.split() or ([] if done.returncode == 0 else list(self.needs))
        return f"{python} has no {', '.join(absent)}:{advice}" if absent else None

    def command(self, scenario: Scenario) -> list[str]:
        """Arguments of the Python interpreter."""
        module = self.modules[scenario.settings.kind]
        return ["-m", f"contenders.{module}", scenario.to_json(), *self.arguments]


def _same(module: str, *kinds: str) -> dict[str, str]:
    return dict.fromkeys(kinds or ("ppo", "dqn", "sac"), module)


JAX_ENVS = ("cartpole", "acrobot", "pendulum")

CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("rlexp", _same("framework", "ppo", "dqn", "sac", "droq"), ("auto",), delays_policy=False),
        Contender("rlexp-never", _same("framework"), ("never",)),
        Contender("rlexp-native", _same("framework"), ("auto", "vector_entry_point"), envs=("cartpole",)),
        Contender("stock", _same("stock")),
        Contender("sb3", _same("sb3"), needs=("stable_baselines3", "psutil")),
        Contender(
            "sbx",
            _same("sbx_agents", "ppo", "dqn", "sac", "droq"),
            needs=("sbx", "psutil"),
            envs=JAX_ENVS,
            requirements="sbx.txt",
        ),
        Contender(
            "jax",
            {"ppo": "jax_ppo"},
            needs=("jax", "gymnax", "psutil"),
            envs=JAX_ENVS,
            requirements="jax.txt",
        ),
        Contender(
            "single-file", {"ppo": "single_file_ppo", "dqn": "single_file_dqn", "sac": "single_file_sac"}
        ),
        Contender(
            "envpool",
            {"ppo": "single_file_ppo"},
            ("envpool",),
            needs=("envpool",),
            envs=("cartpole", "acrobot", "pendulum", "pong"),
        ),
        Contender("autograd", _same("autograd")),
        Contender("bound", _same("bound", "ppo", "dqn", "sac", "droq")),
    )
}
"""`rlexp` is the fast path, `rlexp-native` with CartPole's own vector form, `rlexp-never` the run on RLlib's own path;
`sbx` is SB3's algorithms in JAX, `jax` PPO whose environment and learner are one compiled program; `envpool` is the
single file on EnvPool; `autograd` is torch's updates with nothing around them; `bound` is arithmetic at the machine's
best speed and the bare environment."""
