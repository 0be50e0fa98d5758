"""Policies that act in numpy."""
