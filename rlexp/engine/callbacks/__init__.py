"""rlexp's own callbacks in RLlib's env runners."""
