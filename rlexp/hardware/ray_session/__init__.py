"""The Ray session of a run, and its processes."""
