"""RLlib's env runners, guarded."""
