"""From rollouts to gradient steps."""
