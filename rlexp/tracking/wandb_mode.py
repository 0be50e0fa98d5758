"""Whether W&B runs online or offline: what was asked for, and whether a server would take it."""

from __future__ import annotations

import http.client
import netrc
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

MODES = ("auto", "online", "offline", "disabled")


def requested_mode(mode: str) -> str:
    """The mode after a look at WANDB_MODE, which `auto` follows where it says offline or disabled."""
    environment = os.environ.get("WANDB_MODE", "").lower()
    return environment if mode == "auto" and environment in ("offline", "disabled") else mode


def choose(mode: str, base_url: str) -> str:
    """`online`, `offline` or `disabled`; `auto` becomes online where there is an API key."""
    mode = requested_mode(mode)
    if mode != "auto":
        return mode
    return "online" if has_key(base_url) else "offline"


def has_key(base_url: str) -> bool:
    """Whether the environment or an earlier `wandb login` holds credentials for this server."""
    if has_key_in_environment():
        return True
    host = urlsplit(base_url).netloc
    return any(_login_in(file, host) for file in _netrc_files())


def has_key_in_environment() -> bool:
    """Whether the environment holds credentials."""
    return bool(os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"))


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
    """Why the server does not answer HTTP (through the proxy, where one is set); None when it does.

    wandb itself retries for minutes; a refused connection or a silent server is known at once.
    """
    try:
        urllib.request.urlopen(base_url, timeout=timeout).close()
    except (urllib.error.HTTPError, http.client.HTTPException, ValueError):
        return None  # It answers; whether it likes the key is for wandb to find out.
    except OSError as error:
        reason = getattr(error, "reason", error)
        # wandb has its own settings for certificates.
        return None if isinstance(reason, ssl.SSLError) else str(reason)
    return None
