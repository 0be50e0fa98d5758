"""Exploration strategies, a file each."""
