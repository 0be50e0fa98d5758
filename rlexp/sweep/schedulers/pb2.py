"""PB2 on the shares of a space's intervals: Ray Tune's time-varying Gaussian process, on each key's own scale."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ray.tune.experiment import Trial
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.schedulers.pb2 import PB2

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import write_text
from rlexp.base.files.json_records import read_object
from rlexp.config.composition.override_syntax import value_of
from rlexp.sweep.space.search_space import Interval, Space
from rlexp.sweep.trials.trial_task import VALUES

_log = logging.getLogger(__name__)


class IntervalPB2(PB2):
    """Population based bandits (Parker-Holder et al. 2020): values by an upper confidence bound on the score's rise.

    Tune's own is given plain bounds and looks at values as they are, to which step sizes from 1e-5 to 1e-2 are
    nearly all alike; it forgets what it has seen when a sweep goes on; and it ends the sweep where the process cannot
    be fitted, in place of which this one draws.
    """

    def __init__(self, space: Space, **settings: Any) -> None:
        """A bandit over all intervals of a space.

        Args:
            space: intervals alone.
            settings: of Tune's PB2, but for the bounds.
        """
        self._intervals = {d.key: d for d in space.dimensions if isinstance(d, Interval)}
        self._rng = np.random.default_rng(0)
        self._file: Path | None = None
        super().__init__(hyperparam_bounds={key: [0.0, 1.0] for key in self._intervals}, **settings)
        self._hyperparam_mutations = {VALUES: dict.fromkeys(self._intervals)}  # Where trials have them.

    def remember(self, file: Path) -> None:
        """Goes on with what `file` holds, and keeps there what is seen from now on."""
        self._file = file
        if not file.exists():
            return
        try:
            seen = read_object(file)
            table = pd.DataFrame(seen["data"], columns=seen["columns"])
            table[["Time", *self._intervals, "Reward"]].astype(float)  # Refuses what are no figures.
            self.data = table[["Trial", "Time", *self._intervals, "Reward"]]
        except (ConfigError, ValueError, KeyError, TypeError) as error:
            _log.warning("PB2 begins to learn anew, as %s cannot be read: %s", file, error)

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """See Tune's; values that are missing are drawn there, and none is."""
        PopulationBasedTraining.on_trial_add(self, tune_controller, trial)

    def _save_trial_state(self, state: Any, time: int, result: dict[str, Any], trial: Trial) -> None:
        super()._save_trial_state(state, time, result, self._in_shares(trial))
        self._keep()

    def _get_new_config(self, trial: Trial, trial_to_clone: Trial) -> tuple[dict[str, Any], dict[str, Any]]:
        own, donor, seen = self._in_shares(trial), self._in_shares(trial_to_clone), self.data
        try:
            shares, _ = super()._get_new_config(own, donor)
        except (np.linalg.LinAlgError, ValueError) as error:
            _log.warning("PB2 draws values, as its process cannot be fitted: %s", error)
            shares = donor.config
        if shares == donor.config:  # Nothing to learn from yet: before the second report of the donor, say.
            shares = {key: self._rng.random() for key in self._intervals}
        texts = {key: interval.at(shares[key])[key] for key, interval in self._intervals.items()}
        self._begins(own, donor, texts, seen)
        values = {key: value_of(text) for key, text in texts.items()}
        return {**trial_to_clone.config, VALUES: {**trial_to_clone.config[VALUES], **values}}, {}

    def _begins(self, own: _InShares, donor: _InShares, texts: dict[str, str], seen: pd.DataFrame) -> None:
        """From where the trial goes on, with shares as its next report will have them: values were rounded.

        Tune notes the shares as they were chosen, and so would not know by how much they raise the score.
        """
        last = seen[seen["Trial"] == donor.name].iloc[-1]
        shares = {key: interval.share(texts[key]) for key, interval in self._intervals.items()}
        row = {"Trial": own.name, "Time": last["Time"], **shares, "Reward": last["Reward"]}
        self.data = pd.concat([seen, pd.DataFrame([row])], ignore_index=True)
        self._keep()

    def _keep(self) -> None:
        if self._file is None:
            return
        try:
            write_text(self._file, self.data.to_json(orient="split", index=False))
        except OSError as error:  # A full disk does not end what trains.
            _log.warning("what PB2 has seen cannot be kept in %s: %s", self._file, error)

    def _in_shares(self, trial: Trial) -> _InShares:
        values = trial.config[VALUES]
        return _InShares(
            str(trial.config["trial"]), {k: each.share(str(values[k])) for k, each in self._intervals.items()}
        )


class _InShares:
    """What PB2 looks at of a trial: its name, and where its values lie in their intervals."""

    def __init__(self, name: str, shares: dict[str, float]) -> None:
        self.name, self.config = name, shares

    def __str__(self) -> str:
        return self.name
