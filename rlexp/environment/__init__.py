"""Environments: made from config, guarded, tried out, and brought to RLlib's processes."""
