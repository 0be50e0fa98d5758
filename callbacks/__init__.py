"""The lab's callbacks: subclasses of RLlib's `DefaultCallbacks`, named in `conf/callbacks/`."""
