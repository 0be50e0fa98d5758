"""Names of the metrics that several rooms read: records, stop rules, sweeps, trackers, reports and callbacks.

`rlexp.metrics.metric_table` has what each record holds beside them, and where RLlib's results have it.
"""

from __future__ import annotations

TRAIN_RETURN, EVAL_RETURN = "train/return_mean", "eval/return_mean"
"""Mean return of the episodes that ended in an iteration, and in an evaluation; more is better."""

TRAIN_SUCCESS, EVAL_SUCCESS = "train/success_rate", "eval/success_rate"
"""Share of these episodes that succeeded, 0 to 1, where the environment says so; more is better."""

RETURNS = (EVAL_RETURN, TRAIN_RETURN)
"""What `auto` compares runs by: the first where there is evaluation."""

MAXIMA = (TRAIN_RETURN, EVAL_RETURN, TRAIN_SUCCESS, EVAL_SUCCESS)
"""Metrics whose best value of a run is of interest beside the last."""

SPS = "perf/sps"
"""Env steps per second of an iteration; more is better."""

ITERATION_S, WALL_S = "perf/iteration_s", "perf/wall_s"
"""Seconds of an iteration, and of all training of the run so far, over all resumes."""

EVAL_S = "perf/eval_s"
"""Seconds of an evaluation, in iterations that have one."""
