"""The terminal is ours while a run is on: messages, the log, signals, and the last words."""
