"""When a run ends: budgets, metrics, signals, and how quickly."""
