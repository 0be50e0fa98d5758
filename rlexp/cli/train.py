"""`rlexp [overrides]`: one run; and Hydra's own flags."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path

from rlexp.base.errors import EXIT_DONE, ConfigError


def run(argv: list[str]) -> int:
    """Trains, sweeps, or answers one of Hydra's questions about the config."""
    if any(word in ("-h", "--help") for word in argv):
        from rlexp.cli.help import page

        print(page(), end="")
        return EXIT_DONE
    if "--version" in argv:
        from rlexp.base.version import __version__

        print(f"rlexp {__version__}")
        return EXIT_DONE
    from rlexp.cli.flags import parse

    args = parse(argv)
    if args.hydra_help:
        return _hydra_help()
    if args.cfg or args.info:
        return _show(args)
    if args.multirun:
        from rlexp.cli.multirun import run as run_all

        return run_all(args, argv)
    return _one(args, argv)


def _one(args: Namespace, argv: Sequence[str]) -> int:
    from rlexp.run.compose import compose
    from rlexp.run.train import train

    config = compose(args.overrides, config_name=_name(args), config_dir=args.config_dir)
    return close(train(config, command=["rlexp", *argv], overrides=args.overrides))


def close(outcome: object) -> int:
    """Prints how a run ended; returns the exit code."""
    from rlexp.run.train import Outcome
    from rlexp.storage.buckets.local_copies import address
    from rlexp.terminal.final_summary import print_closing

    assert isinstance(outcome, Outcome)
    print_closing(outcome.summary, address(outcome.folder), outcome.error)
    return outcome.exit_code


def _name(args: Namespace) -> str:
    return args.config_name or "config"


def _hydra_help() -> int:
    """Hydra's help, of Hydra's own config alone, and without applying its logging settings."""
    from hydra.types import RunMode

    from rlexp.compat.hydra import argument_parser
    from rlexp.run.compose import hydra_app

    with hydra_app() as app:
        config = app.compose_config(None, [], run_mode=RunMode.RUN, with_log_configuration=False)
        template, parser = config.hydra.hydra_help, argument_parser()
        print(app.get_help(template, app.get_sanitized_hydra_cfg(config), parser, resolve=False))
    return EXIT_DONE


def _show(args: Namespace) -> int:
    """`--cfg` and `--info`: what the overrides compose to, nothing judged but the overrides themselves."""
    from rlexp.config.labs.search_path import lab_of
    from rlexp.config.rerun import composed_again, is_saved_run
    from rlexp.run.compose import force, hydra_app, parse_all, readable_errors

    name = _name(args)
    if args.config_dir and is_saved_run(args.config_dir, name):
        if args.cfg != "job":
            message = f"{args.config_dir} is a run's folder: its config is composed already"
            raise ConfigError(message, fix=f"--config-dir {args.config_dir} --cfg job")
        with lab_of(Path(args.config_dir)):
            return _print_plain(composed_again(Path(args.config_dir), args.overrides).plain, args.package)
    with hydra_app(args.config_dir) as app, readable_errors(app, name):
        forced = force(parse_all(args.overrides, app), app, config_name=name)
        overrides = [str(override.input_line) for override in forced]
        if args.info:
            with _logging_kept():
                app.show_info(args.info, config_name=name, overrides=overrides)
            return EXIT_DONE
        with redirect_stderr(StringIO()):
            try:
                app.show_cfg(name, overrides, cfg_type=args.cfg, package=args.package, resolve=args.resolve)
            except SystemExit:  # Hydra's way to say that it has no such package.
                raise _no_package(args.package) from None
    return EXIT_DONE


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Hydra tells some things through the root logger; its handlers must not outlive the answer."""
    import logging

    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _print_plain(plain: dict[str, object], package: str | None) -> int:
    import yaml

    if package and package not in plain:
        raise _no_package(package)
    shown = plain[package] if package else plain
    print(yaml.safe_dump(shown, sort_keys=False), end="")
    return EXIT_DONE


def _no_package(package: str) -> ConfigError:
    message = f"--package {package}: the config has no such group"
    return ConfigError(message, fix="--package <group>; rlexp list names them")
