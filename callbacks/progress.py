"""The progress display as a callback: the hooks of the run and of RLlib on `callbacks.display.Display`.

Imports RLlib through its base class, so it is imported only where training is about to start.
"""

from __future__ import annotations

from callbacks.display import Display
from rlexp.engine.run_callback import RunCallback


class Progress(Display, RunCallback):
    """Shows how far the run is, how well it does, how fast it goes and how long it will still take.

    On a terminal the display redraws itself from a thread of its own, so times move during long iterations.
    Without a terminal, with `TERM=dumb` or in continuous integration (`CI` is set) it prints a line now and
    then. In processes other than the driver it does nothing.

    Args:
        every_s: seconds between plain lines; the first and the last iteration always get one.
        refresh_per_s: redraws per second of the live display.
        live: True or False; None finds out.
    """
