"""Environments and processes that no longer answer, and ending them."""
