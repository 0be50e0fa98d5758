"""Curricula on synthetic students."""
