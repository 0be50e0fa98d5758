"""Where runs and sweeps lie: folders."""

from __future__ import annotations

import re

from rlexp.errors import ConfigError

_URI = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>.*)", re.IGNORECASE)


def check_folder(key: str, folder: str) -> None:
    """Refuses a URI, for which a folder `s3:/` would be made here in silence.

    Raises:
        ConfigError: with what to write.
    """
    uri = _URI.match(folder)
    if uri is None:
        return
    path = uri["rest"] if uri["scheme"].lower() == "file" else "<a folder: NFS, or the bucket mounted>"
    message = f"{key}={folder}: runs lie in folders, which on a cluster all machines see under one path"
    raise ConfigError(message, key=key, fix=f"{key}={path}")
