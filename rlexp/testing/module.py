"""Whether a network of one's own can act and learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice, ModelChoice
from rlexp.testing.part import Part, describe

BATCH = 4


def check_module(
    module: Callable[..., Any] | str,
    *,
    env: str = "CartPole-v1",
    algorithm: str | type = "ray.rllib.algorithms.ppo.PPOConfig",
    **module_config: Any,
) -> None:
    """Builds an RLModule for an environment's spaces, and lets it act on a batch.

    Args:
        module: its class, or its import path.
        env: import path or Gymnasium id of an environment whose spaces it is built for.
        algorithm: RLlib config class that it is for, or its import path.
        module_config: as `model.module_config`.

    Raises:
        AssertionError: it is no RLModule, lacks what the algorithm calls, gives outputs of another size or that are not
            finite, or another copy of it does not act the same with its state.
    """
    part = Part(module)
    try:
        spaces = _spaces(env, part)
        spec = _spec(part, spaces, algorithm, module_config)
    except ConfigError as error:
        part.stop(str(error))
        return
    spec.observation_space, spec.action_space = spaces
    with part.noting("building it and letting it act"):
        _check_acting(part, spec, spaces)
    part.finish()


def _spaces(env: str, part: Part) -> tuple[Any, Any]:
    from rlexp.environment.probe import probe

    found = probe(EnvChoice(id=env), (*part.trusted, env.partition(".")[0]))
    return found.observation_space, found.action_space


def _spec(part: Part, spaces: tuple[Any, Any], algorithm: str | type, module_config: dict[str, Any]) -> Any:
    from rlexp.config.algorithms import resolve
    from rlexp.models.module_spec import rl_module_settings

    model = ModelChoice(module_class=part.path, module_config=module_config)
    spec = rl_module_settings(model, part.trusted, *spaces, resolve(algorithm))["rl_module_spec"]
    spec.model_config = {**resolve(algorithm)()._model_config_auto_includes, **spec.model_config}
    return spec


def _check_acting(part: Part, spec: Any, spaces: tuple[Any, Any]) -> None:
    import numpy as np
    import torch
    from ray.rllib.core.columns import Columns
    from ray.rllib.core.rl_module.apis import ValueFunctionAPI

    torch.manual_seed(0)
    spaces[0].seed(0)
    module, other = spec.build(), spec.build()
    if module.is_stateful():
        part.stop(
            "it keeps a state from step to step, which this check cannot drive; try it in a run with debug=tiny"
        )
    module.eval()
    other.eval()
    observations = torch.as_tensor(
        np.stack([np.asarray(spaces[0].sample(), np.float32) for _ in range(BATCH)])
    )
    batch = {Columns.OBS: observations}
    outputs: dict[str, Any] = {}
    for name in ("forward_inference", "forward_exploration", "forward_train"):
        try:
            outputs[name] = getattr(module, name)(dict(batch))
        except Exception as error:
            part.flaw(f"{name} raised {describe(error)} for {BATCH} observations of shape {spaces[0].shape}")
            continue
        _check_outputs(part, module, name, outputs[name])
    if isinstance(module, ValueFunctionAPI):
        _check_values(part, module.compute_values(dict(batch)))
    if "forward_inference" in outputs:
        _check_copy(part, module, other, batch, outputs["forward_inference"])


def _check_outputs(part: Part, module: Any, name: str, outputs: Any) -> None:
    import torch
    from ray.rllib.core.columns import Columns

    if not isinstance(outputs, dict):
        part.flaw(
            f"{name} returned a {type(outputs).__name__}; return a dict with {Columns.ACTION_DIST_INPUTS!r}"
        )
        return
    if (
        Columns.ACTIONS not in outputs
        and Columns.ACTION_DIST_INPUTS not in outputs
        and name != "forward_train"
    ):
        part.flaw(
            f"{name} returned {sorted(outputs)}; it needs {Columns.ACTION_DIST_INPUTS!r} or {Columns.ACTIONS!r}"
        )
    for key, value in outputs.items():
        if not isinstance(value, torch.Tensor):
            continue
        if value.ndim and len(value) != BATCH:
            part.flaw(
                f"{name}'s {key!r} has shape {tuple(value.shape)} for {BATCH} observations; keep the first dimension"
            )
        elif value.is_floating_point() and not torch.isfinite(value).all():
            part.flaw(
                f"{name}'s {key!r} is not finite; look at how layers begin and at divisions and logarithms"
            )
    inputs = outputs.get(Columns.ACTION_DIST_INPUTS)
    if isinstance(inputs, torch.Tensor) and inputs.ndim == 2:
        try:
            module.get_inference_action_dist_cls().from_logits(inputs)
            wanted = _width(module)
        except Exception as error:
            part.flaw(f"no distribution of actions can be made of {name}'s outputs: {describe(error)}")
            return
        if wanted is not None and inputs.shape[1] != wanted:
            part.flaw(
                f"{name} gives {inputs.shape[1]} numbers for an action, and {module.action_space} needs {wanted}"
            )


def _width(module: Any) -> int | None:
    """How many numbers the distribution of an action takes; None where it does not say."""
    distribution = module.get_inference_action_dist_cls()
    try:
        return int(distribution.required_input_dim(space=module.action_space, model_config={}))
    except (AttributeError, NotImplementedError, TypeError):
        return None


def _check_values(part: Part, values: Any) -> None:
    if tuple(values.shape) != (BATCH,):
        part.flaw(
            f"compute_values has shape {tuple(values.shape)} for {BATCH} observations; return ({BATCH},)"
        )


def _check_copy(part: Part, module: Any, other: Any, batch: dict[str, Any], outputs: dict[str, Any]) -> None:
    """A copy with its state acts as it does: so env runners and checkpoints get the entire network."""
    import torch

    again = module.forward_inference(dict(batch))
    other.set_state(module.get_state())
    copied = other.forward_inference(dict(batch))
    for key, value in outputs.items():
        if not isinstance(value, torch.Tensor):
            continue
        if not torch.equal(value, again[key]):
            part.flaw(
                f"forward_inference's {key!r} is another for the same observations; leave chance to the distribution"
            )
        elif not torch.equal(value, copied[key]):
            part.flaw(
                f"a copy with its state gives another {key!r}; register layers and buffers as attributes of the module"
            )
