"""What this machine has, and what would be too much for it."""
