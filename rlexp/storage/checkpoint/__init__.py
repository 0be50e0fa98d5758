"""Checkpoints: written whole, sealed with hashes, and held by one process at a time."""
