"""What a run records about itself: where it came from, its counters, its clock."""
