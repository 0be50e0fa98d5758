"""Ray's worker processes, forked from one that has imported the large libraries already."""
