"""`rlexp -m [overrides]`: every combination of the values, one run after another."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence

from rlexp.config.compose import Composed, compose_forced, hydra_app, readable_errors, refuse_foreign
from rlexp.config.overrides import force, parse
from rlexp.config.rerun import is_saved_run
from rlexp.config.schema import RunConfig
from rlexp.errors import EXIT_DONE, EXIT_INTERRUPTED, ConfigError, RlexpError


def run(args: Namespace, argv: Sequence[str]) -> int:
    """Trains every combination; all are checked before the first starts, and one that fails stops no other.

    Returns:
        The exit code of the worst run; 130 ends the sweep where it is.

    Raises:
        ConfigError: any of the combinations is refused.
    """
    import sys

    from rlexp.cli.train import close
    from rlexp.run.train import train

    jobs = expand(args)
    worst = EXIT_DONE
    for number, (overrides, config) in enumerate(jobs, start=1):
        print(f"[{number}/{len(jobs)}] rlexp {' '.join(overrides)}", flush=True)
        try:
            code = close(train(config, command=["rlexp", *argv], overrides=overrides))
        except RlexpError as error:
            # Refused late, e.g. an action space that the algorithm cannot take: the others may still run.
            print(f"error: {error}", file=sys.stderr)
            code = error.exit_code
        worst = max(worst, code)
        if code == EXIT_INTERRUPTED:
            break
    return worst


def expand(args: Namespace) -> list[tuple[list[str], RunConfig]]:
    """The overrides and the checked config of every combination.

    Raises:
        ConfigError: any of them is refused; says which.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    from rlexp.config.checks import check, check_start

    name = args.config_name or "config"
    if args.config_dir and is_saved_run(args.config_dir, name):
        raise ConfigError(
            f"-m needs choices to combine, and {args.config_dir} is one run", fix="leave -m out"
        )
    jobs = []
    with hydra_app(args.config_dir) as app, readable_errors(app, name):
        forced = [parse(text, app) for text in force(args.overrides, app, config_name=name, sweep=True)]
        for override in forced:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                message = f"{override.input_line}: an interval has no end of values to try one after another"
                fix = f"{override.key_or_group}=choice(...) or range(...)"
                raise ConfigError(message.lstrip("+"), key=override.key_or_group, fix=fix)
        for overrides in BasicSweeper.split_arguments(forced, None)[0]:
            plain = [text.lstrip("+") for text in overrides]
            try:
                composed: Composed = compose_forced(app, overrides, config_name=name)
                if args.config_dir:
                    refuse_foreign(composed.plain, plain, origin=f"--config-dir {args.config_dir}")
                config = check(composed)
                check_start(config)
            except ConfigError as error:
                raise _at(plain, error) from error
            jobs.append((plain, config))
    _refuse_same_names([config.name for _, config in jobs])
    return jobs


def _at(overrides: Sequence[str], error: ConfigError) -> ConfigError:
    first, _, rest = str(error).partition("\n")
    told = ConfigError(f"{first} (in {' '.join(overrides)})\n{rest}".rstrip(), key=error.key)
    told.suggestions, told.fix = error.suggestions, error.fix
    return told


def _refuse_same_names(names: Sequence[str | None]) -> None:
    twice = [name for name, count in Counter(names).items() if name is not None and count > 1]
    if twice:
        message = f"name={twice[0]} would be the folder of {Counter(names)[twice[0]]} runs"
        raise ConfigError(message, key="name", fix=f"'name={twice[0]}-${{seed}}', or leave name out")
