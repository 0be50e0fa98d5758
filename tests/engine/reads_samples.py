"""A callback that wants samples as RLlib makes them."""

from ray.rllib.callbacks.callbacks import RLlibCallback


class ReadsSamples(RLlibCallback):
    """Reads whole samples."""

    def on_sample_end(self, *, samples, **kwargs):
        self.seen = len(samples)
