"""Between the environment and RLlib: every return is checked, put right, or refused by name."""
