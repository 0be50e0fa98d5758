"""Tasks of a curriculum on their way to an environment, and their outcomes."""
