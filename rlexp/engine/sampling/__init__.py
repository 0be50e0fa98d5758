"""From vector environments to rollouts."""
