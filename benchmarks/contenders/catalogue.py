"""Who is measured, by name: module, arguments, what it needs, what it can run."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from contenders.scenarios import Scenario

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
    """

    name: str
    modules: dict[str, str]
    arguments: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    envs: tuple[str, ...] = ALL_ENVS

    def runs(self, scenario: Scenario) -> bool:
        """Whether it has the algorithm and the environment."""
        return scenario.settings.kind in self.modules and scenario.env in self.envs

    def missing(self) -> list[str]:
        """What would have to be installed first."""
        return [module for module in self.needs if importlib.util.find_spec(module) is None]

    def command(self, scenario: Scenario) -> list[str]:
        """Arguments of the Python interpreter."""
        module = self.modules[scenario.settings.kind]
        return ["-m", f"contenders.{module}", scenario.to_json(), *self.arguments]


def _same(module: str) -> dict[str, str]:
    return dict.fromkeys(("ppo", "dqn", "sac"), module)


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("rlexp", _same("framework"), ("auto",)),
        Contender("rlexp-never", _same("framework"), ("never",)),
        Contender("rlexp-native", _same("framework"), ("auto", "vector_entry_point"), envs=("cartpole",)),
        Contender("stock", _same("stock")),
        Contender("sb3", _same("sb3"), needs=("stable_baselines3",)),
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
        Contender("bound", _same("bound")),
    )
}
"""`rlexp` is the fast path, `rlexp-native` with CartPole's own vector form, `rlexp-never` the run on RLlib's own path;
`envpool` is the single file on EnvPool; `bound` is what is left without any library."""
