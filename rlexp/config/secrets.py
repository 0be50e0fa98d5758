"""What looks like a secret, by its name or by its form, and texts without it: run folders are shared."""

from __future__ import annotations

import re

REDACTED = "***"

_LAST = {
    "token",
    "secret",
    "credential",
    "credentials",
    "apikey",
    "auth",
    "bearer",
    "cookie",
    "jwt",
    "passphrase",
}
_ENDS = ("password", "passwd", "passphrase", "secretkey", "apikey", "authtoken", "accesstoken")
_NOT_ALONE = {"pwd", "pat", "pass", "pw", "dsn", "sas", "sig"}
"""Words that end a secret's name, and mean something else when they stand alone (`PWD` is a folder)."""
_KEYS = {
    "api",
    "access",
    "secret",
    "private",
    "auth",
    "encryption",
    "ssh",
    "wandb",
    "signing",
    "account",
    "master",
}

_NAME = r"(?<![\w.+~-])([\w.+~-]+)"
_PAIR = re.compile(_NAME + r"(\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,{}\[\]]+)")
_LITERAL = re.compile(_NAME + r"([\"']?\]?\s*[=:]\s*[\"']?)(?=[\w+/=-]*\d)([\w+/=-]{16,})")
_QUOTED = re.compile(_NAME + r"([\"']?\]?\s*(?:=|:|=>|,)\s*[bfru]{0,2})([\"'])((?:(?!\3)[^\\\n]|\\.)+)\3")
_LINE = re.compile(
    r"^([+ -]?\s*(?:-\s+|export\s+|set\s+)?)([\w.-]+)(\s*:\s+|=)([^\s\"'(){}\[\],;|&]+)\s*$", re.MULTILINE
)
"""A line of YAML, of a shell or of an `.env` file: `name: value`, `NAME=value`."""
_ORDINARY = {
    "str",
    "bytes",
    "int",
    "float",
    "bool",
    "any",
    "none",
    "null",
    "true",
    "false",
    "object",
    REDACTED,
}
_URL = re.compile(r"(://[^\s:/@\"']*:)[^\s@/\"']+(?=@)")
_URL_TOKEN = re.compile(r"(://)[^\s:/@\"']{16,}(?=@)")
_QUERY = re.compile(
    r"([?&;](?:sig|signature|token|access_token|api_?key|password|X-Amz-Signature|X-Amz-Credential"
    r"|X-Amz-Security-Token|X-Goog-Signature)=)[^&\s\"'<>]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b((?:Bearer|Basic|Token)\s+)(?=[\w.~+/=-]*[\d=])[\w.~+/-]{8,}=*", re.IGNORECASE)
_PEM = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----).*?"
    r"(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|(?=^diff )|(?=^@@)|\Z)",
    re.DOTALL | re.MULTILINE,
)
_TOKEN = re.compile(
    r"\b(?:gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,}|hf_\w{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|xox[abprs]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|AIza[\w-]{35}|ya29\.[\w-]{20,}|npm_\w{30,}"
    r"|pypi-[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|dop_v1_\w{40,})"
)


def looks_secret(name: str) -> bool:
    """True if a setting, option or variable of this name holds a key, token or password.

    `api_key`, `PGPASSWORD`, `GITHUB_PAT`, `accessToken` and `tracking.wandb.token` do; `action_mask_key`, `max_tokens`
    and `PWD` do not.
    """
    last = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.rpartition(".")[2]).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", last) if word]
    if not words:
        return False
    if words[-1] in ("base", "value", "str", "b64", "base64") and len(words) > 1:
        words = words[:-1]  # SECRET_KEY_BASE
    if words[-1] == "key":
        return len(words) == 1 or words[-2] in _KEYS
    return words[-1] in _LAST or words[-1].endswith(_ENDS) or (len(words) > 1 and words[-1] in _NOT_ALONE)


def holds_secret(text: str) -> bool:
    """True if a value has the form of a secret: a known token, a key in PEM, a password in an address."""
    return any(pattern.search(text) for pattern in (_TOKEN, _PEM, _URL, _QUERY, _BEARER))


def redact(text: str) -> str:
    """`text` without known forms of secrets, and without what a secret's name is set to."""
    text = _PEM.sub(rf"\1{REDACTED}", text)
    text = _TOKEN.sub(REDACTED, text)
    text = _URL_TOKEN.sub(rf"\1{REDACTED}", _URL.sub(rf"\1{REDACTED}", text))
    text = _BEARER.sub(rf"\1{REDACTED}", _QUERY.sub(rf"\1{REDACTED}", text))
    text = _QUOTED.sub(lambda m: f"{m[1]}{m[2]}{m[3]}{REDACTED}{m[3]}" if _names_secret(m[1]) else m[0], text)
    text = _LITERAL.sub(lambda m: f"{m[1]}{m[2]}{REDACTED}" if looks_secret(m[1]) else m[0], text)
    return _LINE.sub(_redact_line, text)


def redact_pairs(text: str) -> str:
    """An argument of a command without the values of secrets' names, those inside a dictionary given as one too."""
    return redact(_PAIR.sub(_redact_pair, text))


def _names_secret(name: str) -> bool:
    """As `looks_secret`, of a name in code: there `key` alone is of a mapping."""
    return name.lower() != "key" and looks_secret(name)


def _redact_line(match: re.Match[str]) -> str:
    lead, name, equals, value = match.groups()
    if not _names_secret(name) or value.lower() in _ORDINARY or value.startswith("$"):
        return match[0]
    return f"{lead}{name}{equals}{REDACTED}"


def _redact_pair(match: re.Match[str]) -> str:
    name, equals, value = match.groups()
    if looks_secret(name):
        return f"{name}{equals}{REDACTED}"
    return f"{name}{equals}" + _PAIR.sub(_redact_pair, value)
