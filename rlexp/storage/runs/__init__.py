"""A run's folder: its files, its records, and whether a trial in it is done."""
