"""Checkpoints: complete or absent, sealed with hashes, and held by one process at a time."""
