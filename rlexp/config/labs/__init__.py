"""A lab's own repository: found, installed, and whose it is."""
