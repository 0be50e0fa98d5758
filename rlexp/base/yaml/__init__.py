"""The one reader of YAML: strict and bounded."""
