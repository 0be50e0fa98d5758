"""A callback of one's own: a custom metric, and a line a record.

Shows: RLlib's episode hooks and the run's hooks in one class, `METRICS`, `rlexp.testing.check_callback`.
Prints: `custom/lean_max` of each iteration, the largest angle of CartPole's pole in radians.
"""

from __future__ import annotations

import tempfile
from typing import Any

import rlexp
from rlexp.base.events import Record
from rlexp.engine.run_callback import RunCallback
from rlexp.testing import check_callback


class Lean(RunCallback):
    """Logs how far the pole leant at the end of each episode."""

    METRICS = ("lean",)

    def on_episode_end(self, *, episode: Any, metrics_logger: Any = None, **kwargs: Any) -> None:
        """In every environment runner, with RLlib's own episode."""
        self.log_metric(metrics_logger, "lean", abs(float(episode.get_observations(-1)[2])))

    def on_record(self, record: Record) -> None:
        """In the driver, after each iteration."""
        print("custom/lean_max", round(float(record["custom/lean_max"]), 3))


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
        print(rlexp.train(config).status)


if __name__ == "__main__":
    main()
