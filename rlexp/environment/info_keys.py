"""Keys of the infos that wrappers around environments add, or that environments themselves are asked for."""

from __future__ import annotations

SUCCESS_KEYS = ("success", "is_success")
"""By which an environment says, at an episode's end, whether it succeeded; the first that is there counts."""

FAILURE = "env_failure"
"""The error that ended the episode, or that a reset had to be repeated for, as one line."""
FAILURE_COUNT = "env_failure_count"
"""How many failures there were since the last info that had this key."""
NOTICES = "env_notices"
"""A `rlexp.environment.guards.notices.Noticed`."""

OUTCOME = "task_outcome"
"""In an episode's last step: its `rlexp.environment.tasks.outcome.Outcome`."""
NOT_LEARNT = "task_not_learnt"
"""In the reset of an episode that the policy does not learn from."""
