"""Names that the parts of a sweep have in common."""

SCHEDULER = "sweep.scheduler"
"""Where the scheduler is chosen."""
SCORE, TIME, SHARE = "score", "env_steps", "share"
"""What trials report: score, env steps, the share of the budget in units of hyperband's first rung."""
VALUES = "values"
"""In a trial's Tune config: the values that a population changes."""
