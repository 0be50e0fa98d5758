"""A sweep's trials: from points of the space to configs, frozen in files, and what a trial's process is given."""
