"""The config at a point of a space, composed and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import MAIN
from rlexp.config.composition.composed import Composed
from rlexp.config.composition.hydra_app import Composer
from rlexp.config.composition.override_syntax import parse
from rlexp.config.schema import RunConfig
from rlexp.config.trust.config_origin import accepted_from, is_foreign
from rlexp.config.trust.trusted_modules import named, trusting_own
from rlexp.environment.pickled_by_value import registered_here
from rlexp.hardware.machine.machine import inspect_machine
from rlexp.metrics.known_metrics import known_metrics
from rlexp.run.checks import check, check_start
from rlexp.sweep.space.search_space import Point
from rlexp.sweep.trials.resources import check_room


@dataclass(frozen=True)
class ComposedPoint:
    """A point of the space with its config.

    Attributes:
        overrides: the sweep's fixed ones and the point's, as on the command line.
        composed: not yet checked: its values are what further overrides go on top of.
        config: checked.
    """

    overrides: tuple[str, ...]
    composed: Composed
    config: RunConfig


class PointComposer:
    """Composes the points of a sweep's space."""

    def __init__(
        self,
        composer: Composer,
        fixed: Sequence[str],
        heads: Mapping[str, str],
        *,
        config_dir: str | None,
        metric: str,
        begun: Callable[[RunConfig], None],
    ) -> None:
        """Composes points.

        Args:
            composer: of the sweep's primary config.
            fixed: overrides of all points, in the form of `force`.
            heads: by the varied key what stands before its `=` in that form: `++key` for a value, else a choice.
            config_dir: where the command line says that configs lie.
            metric: of the sweep.
            begun: called with the first config that is not refused.
        """
        self._composer, self._fixed, self.heads = composer, tuple(fixed), dict(heads)
        self._config_dir, self._metric, self._machine = config_dir, metric, inspect_machine()
        self._begun: Callable[[RunConfig], None] | None = begun

    def written(self, point: Point) -> tuple[str, ...]:
        """The sweep's fixed overrides and the point's, as on the command line."""
        varied = [f"{self.heads[key]}={value}" for key, value in point.items()]
        return tuple(text.lstrip("+") for text in (*self._fixed, *varied))

    def compose(self, point: Point) -> ComposedPoint:
        """The point's config.

        Raises:
            ConfigError: it is refused; says which point.
        """
        varied = [f"{self.heads[key]}={value}" for key, value in point.items()]
        overrides = self.written(point)
        choices = [text for text in varied if not text.startswith("++")]
        try:
            values = [parse(text) for text in varied if text.startswith("++")]
            composed = self._composer.compose([*self._fixed, *choices], values)
            accepted = self._accepted(composed, overrides)
            _refuse_kept(accepted)
            _refuse_script(accepted)
            config = check(accepted)
            check_start(config)
            check_room(config, self._machine)
            self._check_metric(config)
        except ConfigError as error:
            raise with_trial(overrides, error) from error
        begun, self._begun = self._begun, None
        if begun is not None:
            begun(config)
        return ComposedPoint(overrides, composed, config)

    def _accepted(self, composed: Composed, overrides: tuple[str, ...]) -> Composed:
        """With all trusted that is the person's own word."""
        if self._config_dir is not None and is_foreign(self._config_dir):
            return accepted_from(self._config_dir, composed, overrides)
        return replace(composed, plain=trusting_own(composed.plain))

    def _check_metric(self, config: RunConfig) -> None:
        if self._metric == "auto":
            return
        try:
            known_metrics(config).check(self._metric, "sweep.metric")
        except ConfigError:
            if not config.callbacks and config.curriculum.teacher is None:
                raise
            # What callbacks and teachers log they say themselves. Asking them imports RLlib.
            from rlexp.run.building.prepare import all_metrics

            all_metrics(config).check(self._metric, "sweep.metric")


def _refuse_kept(composed: Composed) -> None:
    """A sweep's trials read their configs from its folder, which no secret is written to."""
    for key, text in composed.kept.items():
        raise ConfigError(
            f"{key}={text} looks like a secret, which a sweep would have to write to its folder",
            key=key,
            fix=f"leave {key} out, and read the variable in Python, where it is used",
        )


def _refuse_script(composed: Composed) -> None:
    """A trial may go on in any process, on any machine, and on another day: the script is not there then."""
    for item in named(composed.plain):
        if item.path.startswith((f"{MAIN}.", f"{MAIN}:")):
            raise ConfigError(
                f"{item.key}: {item.path} is of the script or notebook itself, which trials cannot import",
                key=item.key,
                fix="move it into a module beside the script, and name that",
            )
    env_id = str(composed.plain["env"].get("id")) if isinstance(composed.plain.get("env"), Mapping) else ""
    if registered_here(env_id) is not None:
        raise ConfigError(
            f"env.id: {env_id} is registered by this program, and trials are programs of their own",
            key="env.id",
            fix=f"env.id=<module that registers it>:{env_id}",
        )


def with_trial(overrides: Sequence[str], error: ConfigError) -> ConfigError:
    """The error, and which trial has it."""
    first, _, rest = str(error).partition("\n")
    located = ConfigError(f"{first} (in {' '.join(overrides)})\n{rest}".rstrip(), key=error.key)
    located.suggestions, located.fix = error.suggestions, error.fix
    return located
