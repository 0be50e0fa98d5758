"""RLlib's training steps, on arrays."""
