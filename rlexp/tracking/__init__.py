"""Where a run's records go beside its own checkpoints: files and services that listen to the run."""
