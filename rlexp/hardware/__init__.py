"""What a run computes on: the machine, the choice of runners and learners, and the Ray session."""
