"""`rlexp [overrides]`: one run; and Hydra's own flags."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from rlexp.config.compose import compose, force, hydra_app, readable_errors, to_plain_values
from rlexp.errors import EXIT_DONE, ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run(argv: list[str]) -> int:
    """Trains, sweeps, or answers one of Hydra's questions about the config."""
    from hydra._internal.utils import get_args_parser

    if any(word in ("-h", "--help") for word in argv):
        from rlexp.cli.listing import help_text

        print(help_text())
        return EXIT_DONE
    if "--version" in argv:
        from rlexp import __version__

        print(f"rlexp {__version__}")
        return EXIT_DONE
    args = get_args_parser().parse_args(argv)
    if args.multirun or args.cfg or args.info or args.shell_completion or args.hydra_help:
        return _hydra(args)
    from rlexp.run.train import train

    config = compose(args.overrides, config_name=_name(args), config_dir=args.config_dir)
    outcome = train(config, command=["rlexp", *argv], overrides=args.overrides)
    return close(outcome)


def close(outcome: object) -> int:
    """Prints how a run ended; returns the exit code."""
    from rlexp.run.closing import print_closing
    from rlexp.run.train import Outcome

    assert isinstance(outcome, Outcome)
    print_closing(outcome.summary, outcome.folder, outcome.error)
    return outcome.exit_code


def _name(args: Namespace) -> str:
    return args.config_name or "config"


def _hydra(args: Namespace) -> int:
    """Hydra's own actions, over the same search path and with the same treatment of keys."""
    from hydra._internal.utils import get_args_parser

    with hydra_app(args.config_dir) as app:
        name = _name(args)
        if args.shell_completion:
            app.shell_completion(config_name=name, overrides=args.overrides)
            return EXIT_DONE
        overrides = force(args.overrides, app)
        with readable_errors(app, args.overrides):
            if args.hydra_help:
                app.hydra_help(config_name=name, args_parser=get_args_parser(), args=args)
            elif args.cfg:
                app.show_cfg(
                    config_name=name,
                    overrides=overrides,
                    cfg_type=args.cfg,
                    package=args.package,
                    resolve=args.resolve,
                )
            elif args.info:
                app.show_info(args.info, config_name=name, overrides=overrides)
            else:
                return _multirun(args, overrides)
    return EXIT_DONE


def _multirun(args: Namespace, overrides: list[str]) -> int:
    """One run after another, as Hydra's basic sweeper expands them; a failed one does not stop the rest."""
    from rlexp.config.checks import check
    from rlexp.run.train import train

    codes: list[int] = []

    def job(config: DictConfig) -> None:
        outcome = train(check(to_plain_values(config)), command=["rlexp", *sys.argv[1:]], overrides=args.overrides)
        codes.append(close(outcome))

    with hydra_app(args.config_dir) as app:
        app.multirun(config_name=_name(args), task_function=job, overrides=[*overrides, "hydra.mode=MULTIRUN"])
    if not codes:
        raise ConfigError("the sweep has no runs")
    return max(codes)
