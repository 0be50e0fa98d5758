"""Whatever leans on what Ray, RLlib, Tune, torch, Gymnasium or Hydra do not promise; see `registry`."""
