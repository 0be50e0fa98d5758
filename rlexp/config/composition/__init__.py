"""From overrides and YAML files to one plain config, by Hydra."""
