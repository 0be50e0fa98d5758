"""Answers to the exploration strategies of the old API stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlexp.base.suggest import nearest
from rlexp.config.classic.answer import LEAVE_OUT, Answer
from rlexp.config.override_text import override

_SAMPLES = "PPO and SAC sample actions from a distribution whose width they learn"
_NO_NOISE = f"rlexp has no noise on actions yet; {_SAMPLES}"
_NO_REWARD = "rlexp has no intrinsic rewards yet; PPO's entropy bonus is the nearest"
_BANDITS = "it belongs to RLlib's bandit algorithms, which are gone; rlexp has none"
_PER_RUNNER = "rlexp has no epsilon for each env runner yet; all of them share one schedule"
_EPSILON = "algorithm=dqn exploration=epsilon_greedy"
_SAC = "algorithm=sac exploration=default"
_ENTROPY = "algorithm=ppo exploration=default algorithm.entropy_coeff=0.01"

STRATEGIES: Mapping[str, Answer] = {
    "StochasticSampling": Answer("that is what each algorithm does by itself", "exploration=default"),
    "EpsilonGreedy": Answer("it has another name here", _EPSILON),
    "SoftQ": Answer(
        "rlexp has no Boltzmann exploration over Q values yet; epsilon-greedy is what DQN has", _EPSILON
    ),
    "GaussianNoise": Answer(_NO_NOISE, _SAC),
    "OrnsteinUhlenbeckNoise": Answer(_NO_NOISE, _SAC),
    "ParameterNoise": Answer("rlexp has no noise on weights yet; epsilon-greedy is what DQN has", _EPSILON),
    "PerWorkerEpsilonGreedy": Answer(_PER_RUNNER, _EPSILON),
    "PerWorkerGaussianNoise": Answer(_NO_NOISE, _SAC),
    "PerWorkerOrnsteinUhlenbeckNoise": Answer(_NO_NOISE, _SAC),
    "Curiosity": Answer(_NO_REWARD, _ENTROPY),
    "RE3": Answer(_NO_REWARD, _ENTROPY),
    "Random": Answer(
        "rlexp has no policy that is random and nothing else; DQN's is with an epsilon of 1",
        "algorithm=dqn exploration=default algorithm.epsilon=1.0",
    ),
    "UpperConfidenceBound": Answer(_BANDITS),
    "ThompsonSampling": Answer(_BANDITS),
}
"""By the class's name, which is what `exploration_config.type` was."""

_EPSILON_KEYS = {
    "initial_epsilon": "exploration.initial",
    "final_epsilon": "exploration.final",
    "epsilon_timesteps": "exploration.steps",
    "epsilon_schedule": "exploration.schedule",
}


def strategy(name: Any) -> Answer | None:
    """The answer to the name, or import path, of a classic strategy; None where it is none."""
    last = str(name).replace(":", ".").rpartition(".")[2]
    return STRATEGIES.get(last)


def from_config(value: Any) -> Answer:
    """The answer to a classic `exploration_config`."""
    name = value.get("type") if isinstance(value, Mapping) else value
    if not name:
        return Answer("the exploration group takes its place", LEAVE_OUT, ("exploration",))
    known = strategy(name)
    if known is None:
        close = nearest(str(name), STRATEGIES, n=1)
        fix = STRATEGIES[close[0]].fix if close else "exploration=<choice>; see rlexp list exploration"
        return Answer(
            f"the exploration group takes its place, and {name} is none of RLlib's", fix, ("exploration",)
        )
    fix = known.fix
    if str(name).endswith("EpsilonGreedy") and isinstance(value, Mapping):
        given = [override(ours, value[theirs]) for theirs, ours in _EPSILON_KEYS.items() if theirs in value]
        fix = " ".join([_EPSILON, *given])
    return Answer(f"the exploration group takes its place; {name}: {known.reason}", fix, ("exploration",))
