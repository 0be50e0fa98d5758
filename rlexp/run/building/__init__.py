"""From the typed config to RLlib's algorithm: hardware chosen, environment tried, everything fitted."""
