"""What a sweep varies: keys with their values, from overrides."""
