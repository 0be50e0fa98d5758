"""Whether W&B runs online or offline: what was asked for, and whether a server would take it."""

from __future__ import annotations

import netrc
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

MODES = ("auto", "online", "offline", "disabled")

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def asked(mode: str) -> str:
    """The mode after a look at WANDB_MODE, which `auto` follows where it says offline or disabled."""
    environment = os.environ.get("WANDB_MODE", "").lower()
    return environment if mode == "auto" and environment in ("offline", "disabled") else mode


def choose(mode: str, base_url: str) -> str:
    """`online`, `offline` or `disabled`; `auto` becomes online where there is an API key."""
    mode = asked(mode)
    if mode != "auto":
        return mode
    return "online" if has_key(base_url) else "offline"


def has_key(base_url: str) -> bool:
    """Whether the environment or an earlier `wandb login` holds credentials for this server."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(base_url).netloc
    return any(_login_in(file, host) for file in _netrc_files())


def _netrc_files() -> list[Path]:
    if named := os.environ.get("NETRC"):
        return [Path(named).expanduser()]
    return [Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()]


def _login_in(file: Path, host: str) -> bool:
    try:
        return netrc.netrc(str(file)).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def why_unreachable(base_url: str, timeout: float) -> str | None:
    """Why no connection to the server can be made; None when it answers or a proxy stands between.

    wandb itself retries for minutes; a connection that is refused is known at once.
    """
    if any(os.environ.get(name) or os.environ.get(name.lower()) for name in _PROXIES):
        return None
    parts = urlsplit(base_url)
    address = (parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 443))
    try:
        socket.create_connection(address, timeout=timeout).close()
    except OSError as error:
        return str(error)
    return None
