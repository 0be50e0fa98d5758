"""Schedules by environment steps, to see where a resumed run stands in them."""

from __future__ import annotations

import numpy as np

LR = [[0, 1e-2], [4000, 1e-3]]
ENTROPY = [[0, 0.1], [4000, 0.0]]
SCHEDULES = (f"algorithm.lr={LR}", f"algorithm.entropy_coeff={ENTROPY}")


def scheduled(schedule: list[list[float]], step: int) -> float:
    return float(np.interp(step, *zip(*schedule, strict=True)))
