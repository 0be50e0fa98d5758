"""What a config may name and set, by who wrote it."""
