"""A callback of one's own: a custom metric, and what the run makes of it.

Shows: RLlib's episode hooks and the run's hooks in one class, `METRICS`, `rlexp.testing.check_callback`.
Prints: `custom/lean_max` of each iteration, the largest angle of CartPole's pole in radians.
"""

from __future__ import annotations

import tempfile
from typing import Any, ClassVar

import rlexp
from rlexp.base.events import Record
from rlexp.engine.run_callback import RunCallback
from rlexp.testing import check_callback


class Lean(RunCallback):
    """Logs how far the pole leant at the end of each episode."""

    METRICS = ("lean",)
    records: ClassVar[list[float]] = []
    """What the run has logged, an entry an iteration; of the driver's process."""

    def on_episode_end(self, *, episode: Any, metrics_logger: Any = None, **kwargs: Any) -> None:
        """In every environment runner, with RLlib's own episode."""
        self.log_metric(metrics_logger, "lean", abs(float(episode.get_observations(-1)[2])))

    def on_record(self, record: Record) -> None:
        """In the driver, after each iteration; what it printed would go to the run's log.txt."""
        self.records.append(float(record["custom/lean_max"]))


def main() -> None:
    """Checks the callback, then trains with it."""
    check_callback("own_callback.Lean", train=None)
    with tempfile.TemporaryDirectory() as folder:
        config = rlexp.compose(
            [
                "callbacks=none",
                "+callbacks.lean={_target_: own_callback.Lean}",
                "trusted=+own_callback",
                "hardware=local",
                "tracking=none",
                "evaluation=none",
                "stop.iterations=2",
                f"runs_dir={folder}",
            ]
        )
        status = rlexp.train(config).status
    from own_callback import Lean as Trained  # the run imports the class by its path, not from this script

    for lean in Trained.records:
        print("custom/lean_max", round(lean, 3))
    print(status)


if __name__ == "__main__":
    main()
