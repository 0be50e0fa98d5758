"""Functions and classes named in YAML: found, checked against their arguments, called."""
