"""Processes that died, and what they left: marked by who started it, so that nobody else's is touched."""
