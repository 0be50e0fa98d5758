"""Python imports this as it starts where its folder is on PYTHONPATH: follows the trial in a sweep's processes.

Not in Ray's other ones, which would start too slowly: in the command's, and in those that become workers.
"""

import os
import sys
from pathlib import Path

from following import LOG, Walk, follow
from walks import TRIAL

_FOLLOWED = ("rlexp.cli.main", "default_worker.py", "fork_server.py")

if LOG in os.environ and any(word.endswith(_FOLLOWED) for word in sys.orig_argv):
    follow(Walk(TRIAL, depth=1, records=True, log=Path(os.environ[LOG])))
