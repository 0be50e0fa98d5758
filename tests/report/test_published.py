"""The statistics against what is published: runs on Atari 100k, scores normalised by a random and a human player.

The runs are those that Micheli et al. 2023 ("Transformers are sample-efficient world models") compare; the
interquartile means and the mean are their table 1.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rlexp.base.statistics import Floats, estimate, improvement, profile

TOLD = json.loads((Path(__file__).parent / "atari_100k.json").read_text())


def normalised(algorithm: str) -> dict[str, Floats]:
    return {
        game: (np.array(runs) - TOLD["random"][game]) / (TOLD["human"][game] - TOLD["random"][game])
        for game, runs in TOLD["runs"][algorithm].items()
    }


@pytest.mark.parametrize(
    ("algorithm", "runs", "published"), [("SimPLe", 5, 0.130), ("SPR", 100, 0.337), ("IRIS", 5, 0.501)]
)
def test_the_interquartile_mean_is_the_published_one(algorithm: str, runs: int, published: float) -> None:
    scores = normalised(algorithm)
    assert len(scores) == 26 and {len(each) for each in scores.values()} == {runs}
    found = estimate(scores)
    assert round(found.value, 3) == published
    assert found.low < published < found.high


def test_the_mean_is_the_published_one() -> None:
    """So the data are, too."""
    assert round(float(np.mean([np.mean(runs) for runs in normalised("IRIS").values()])), 3) == 1.046


def test_who_is_better_and_how_often() -> None:
    """Counted by hand, game by game and pair by pair, from the published runs."""
    one, other = normalised("IRIS"), normalised("SPR")
    pairs = [np.mean([(a > b) + (a == b) / 2 for a in one[game] for b in other[game]]) for game in one]
    found = improvement(one, other)
    assert found.value == pytest.approx(np.mean(pairs)) and found.low < found.value < found.high
    shares, _, _ = profile(one, np.array([0.0, 1.0]))
    every = np.concatenate(list(one.values()))
    assert list(shares) == pytest.approx([np.mean(every > 0), np.mean(every > 1)])
