"""As in a notebook: train, plot the curve, and let the policy act.

Shows: `rlexp.train`, reading a run's `metrics.jsonl` with pandas, a plot, `rlexp.load` and `rlexp.make_env`.
Prints: the last rows of the curve, the size of the picture in bytes, and the return of one episode.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib as mpl
import pandas as pd

import rlexp

mpl.use("Agg")


def main() -> None:
    """Each block would be a cell."""
    from matplotlib import pyplot as plt

    with tempfile.TemporaryDirectory() as folder:
        words = ["env=cartpole", "stop.env_steps=12000", "hardware=local", "tracking=none", "callbacks=none"]
        outcome = rlexp.train(rlexp.compose([*words, "evaluation=none", f"runs_dir={folder}"]))

        curve = pd.read_json(outcome.folder / "metrics.jsonl", lines=True)
        print(curve[["env_steps", "train/return_mean"]].tail(3).to_string(index=False))

        curve.plot(x="env_steps", y="train/return_mean")
        picture = Path(folder) / "curve.png"
        plt.savefig(picture)
        print("picture", picture.stat().st_size > 0)

        policy, env = rlexp.load(outcome.folder), rlexp.make_env(outcome.folder)
        observation, total, over = env.reset(seed=0)[0], 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(policy.act(observation))
            total, over = total + float(reward), terminated or truncated
        print("return", total)


if __name__ == "__main__":
    main()
