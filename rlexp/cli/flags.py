"""The flags of `rlexp [overrides]`: Hydra's own, those of them that do something here."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.storage.buckets.local_copies import is_uri

_FLAGS: dict[str, tuple[str | None, str]] = {
    "--multirun": ("-m", "every combination of comma-separated values"),
    "--resolve": (None, "with --cfg: interpolations filled in"),
    "--hydra-help": (None, "Hydra's own help"),
}
_VALUES: dict[str, tuple[str | None, str]] = {
    "--package": ("-p", "with --cfg: one group only"),
    "--config-dir": ("-cd", "one more folder of choices, or a run's folder to run it again"),
    "--config-name": ("-cn", "another primary config"),
}
_CFG = ("job", "hydra", "all")
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_ELSEWHERE = {
    "--config-path": "--config-dir adds a folder of choices",
    "-cp": "--config-dir adds a folder of choices",
    "--experimental-rerun": "rlexp --config-dir runs/<name> runs a run again",
    "--run": "leave it out: rlexp runs one job unless told -m",
    "-r": "leave it out: rlexp runs one job unless told -m",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message[0].lower() + message[1:], fix="rlexp --help lists the flags")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The flags and the overrides.

    Raises:
        ConfigError: an unknown flag, one without its value, or one that would have no effect; or the store has
            nothing at the address that `--config-dir` names.
    """
    parser = _Parser(prog="rlexp", add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    for name, (short, help_) in _FLAGS.items():
        parser.add_argument(*filter(None, (name, short)), action="store_true", help=help_)
    for name, (short, help_) in _VALUES.items():
        parser.add_argument(*filter(None, (name, short)), help=help_)
    parser.add_argument("--cfg", "-c", choices=_CFG, help="print the composed config instead of running it")
    parser.add_argument("--info", "-i", nargs="?", const="all", choices=_INFO, help="what Hydra found")
    args, unknown = parser.parse_known_intermixed_args(list(argv))
    for word in unknown:
        _refuse(word, parser)
    for name in ("resolve", "package"):
        if getattr(args, name) and not args.cfg:
            raise ConfigError(f"--{name} goes with --cfg", fix=f"--cfg job --{name}")
    for name in ("config_dir", "config_name", "package"):
        if getattr(args, name) == "":
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{flag} is empty", fix=f"{flag} <{_VALUES[flag][1]}>, or leave {flag} out")
    if args.config_dir and is_uri(args.config_dir):
        from rlexp.storage.buckets.fetch import fetched

        args.config_dir = str(fetched(args.config_dir))
    return args


def _refuse(word: str, parser: argparse.ArgumentParser) -> NoReturn:
    flag = word.partition("=")[0]
    if flag in _ELSEWHERE:
        raise ConfigError(f"{flag} is not taken here", fix=_ELSEWHERE[flag])
    known = [name for action in parser._actions for name in action.option_strings if name.startswith("--")]
    if flag.lstrip("-").isidentifier() and "=" in word:
        raise ConfigError(f"{word}: settings have no dashes", fix=word.lstrip("-"))
    close = nearest(flag, [*known, "--help", "--version", "--shell-completion"])
    raise ConfigError(f"there is no flag {flag}", suggestions=close, fix="rlexp --help lists the flags")
