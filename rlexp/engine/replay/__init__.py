"""Replay buffers on columns."""
