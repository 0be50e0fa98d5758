"""The version of this package, for the command, the manifests and a lab's pin."""

__version__ = "0.1.0"
