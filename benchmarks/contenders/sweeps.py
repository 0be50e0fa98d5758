"""The sweep that all contenders of `benchmarks/sweep.py` run."""

from __future__ import annotations

RATES = (1e-4, 3e-4, 1e-3, 3e-3)
SEEDS = (0, 1)
