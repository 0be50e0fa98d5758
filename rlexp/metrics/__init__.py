"""What a run measures: names, custom metrics, and the way from RLlib's results to flat records."""
