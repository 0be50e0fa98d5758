"""Trials on their machines, from the first to the last."""
