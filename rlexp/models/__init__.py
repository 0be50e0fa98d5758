"""Networks: from the `model` group to RLlib's RLModules."""
