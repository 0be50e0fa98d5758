"""What everything else stands on: errors, files that survive crashes, YAML, statistics. Knows nothing of runs."""
