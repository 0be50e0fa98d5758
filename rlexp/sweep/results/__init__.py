"""What a sweep has come to: its table, its best trial, what is left."""
