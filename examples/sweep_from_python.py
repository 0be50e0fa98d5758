"""A sweep from Python: two step sizes, two seeds, and the best policy.

Shows: `rlexp.multirun`, its table as a pandas dataframe, and loading the best trial's policy.
Prints: the trials, the best first, and one action of the best policy.
"""

from __future__ import annotations

import tempfile

import rlexp


def main() -> None:
    """Runs four trials of two small iterations."""
    with tempfile.TemporaryDirectory() as folder:
        sweep = rlexp.multirun(
            [
                "env=cartpole",
                "algorithm.lr=1e-3,1e-4",
                "seed=0,1",
                "debug=tiny",
                "callbacks=none",
                "tracking=none",
                f"sweep.dir={folder}",
                "sweep.name=lr",
            ]
        )
        print(sweep.table()[["status"]].to_string())
        policy = rlexp.load(sweep.best)
        env = rlexp.make_env(sweep.best)
        print("action", policy.act(env.reset(seed=0)[0]))


if __name__ == "__main__":
    main()
