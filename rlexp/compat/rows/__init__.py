"""The rows of the registry, by library."""
