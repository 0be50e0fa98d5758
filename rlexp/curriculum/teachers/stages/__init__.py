"""The teacher of stages."""
