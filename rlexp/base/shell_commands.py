"""Commands of rlexp that are printed for a person: whatever their words hold, a shell reads them back as they are."""

from __future__ import annotations

import shlex


def shell_command(*words: object) -> str:
    """`rlexp` and the words, each quoted where a shell would read it as something else.

    >>> shell_command("resume", "runs/my run", "stop.env_steps=2000")
    "rlexp resume 'runs/my run' stop.env_steps=2000"
    """
    return shlex.join(["rlexp", *map(str, words)])
