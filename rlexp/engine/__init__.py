"""The fast path: experience as arrays from the environments to the optimiser, with RLlib's results and checkpoints."""
