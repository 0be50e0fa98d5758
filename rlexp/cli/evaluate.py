"""`rlexp evaluate PATH [overrides]`: evaluate a checkpoint from its folder alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlexp.base.errors import EXIT_DONE, ConfigError
from rlexp.cli.resume import asks_for_help, path_and_overrides

if TYPE_CHECKING:
    from rlexp.sweep.results.best_by_metric import BestTrial

USAGE = """\
rlexp evaluate PATH [key=value ...] [--json]

Runs episodes with a checkpoint's policy and writes evaluation.json into PATH: a run's folder (its newest
checkpoint), runs/<name>/checkpoints/best, any checkpoint's folder, or a sweep's (its best trial).
evaluation.evaluation_duration=100   episodes
evaluation.explore=true              sample actions as in training
--json                               print the result as JSON
Of a sweep, the best trial by another metric than its own, of the last values that the trials have logged:
--metric NAME                        any logged metric, e.g. train/success_rate
--mode max|min                       which way is better (default: the sweep's for its own metric, else the metric's)
--env NAME                           of this environment's trials, where the sweep has several
"""
CHOOSING = ("--metric", "--mode", "--env")


def run(argv: list[str]) -> int:
    """Evaluates, prints the metrics, and says where they were written."""
    if asks_for_help(argv):
        print(USAGE)
        return EXIT_DONE
    rest, by = _choosing([word for word in argv if word != "--json"])
    path, overrides = path_and_overrides(rest, "evaluate")
    from rlexp.run.evaluate import RESULT, evaluate
    from rlexp.storage.buckets.fetch import fetched
    from rlexp.storage.buckets.local_copies import address
    from rlexp.storage.sweeps.sweep_view import is_sweep
    from rlexp.sweep.folder import SweepFolder
    from rlexp.sweep.results.best_by_metric import best_by, to_json

    folder, chosen = fetched(path), None
    if is_sweep(folder):
        chosen = best_by(
            SweepFolder(folder.absolute()), by.get("--metric"), by.get("--mode"), by.get("--env")
        )
        if "--json" not in argv:
            _print_result(chosen)
        path = address(chosen.folder)
    elif by:
        flag = next(iter(by))
        raise ConfigError(
            f"{flag} chooses among a sweep's trials, and {path} is one run", fix=f"leave {flag} out"
        )
    result = evaluate(path, overrides)
    if "--json" in argv:
        trial = {} if chosen is None else {"trial": to_json(chosen)}
        print(json.dumps({**result, **trial}, indent=2))
        return EXIT_DONE
    width = max(len(name) for name in result["metrics"])
    for name, value in result["metrics"].items():
        print(f"{name:<{width}}  {value:.6g}" if isinstance(value, float) else f"{name:<{width}}  {value}")
    print(f"{result['checkpoint']} evaluated; written to {path}/{RESULT}")
    return EXIT_DONE


def _choosing(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The other words, and what the flags of `CHOOSING` say, `--metric NAME` or `--metric=NAME`.

    Raises:
        ConfigError: a flag without its value.
    """
    rest, by, words = list[str](), dict[str, str](), iter(argv)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag not in CHOOSING:
            rest.append(word)
            continue
        given = value if equals else next(words, "")
        if not given or given.startswith("--"):
            raise ConfigError(
                f"{flag} needs a value", key=flag, fix=f"rlexp evaluate sweeps/<name> {flag} <name>"
            )
        by[flag] = given
    return rest, by


def _print_result(chosen: BestTrial) -> None:
    """Which trial it is, what it was trained with, and how to train it again."""
    point = "" if chosen.point == chosen.score else f" ({chosen.point:.6g} over its point's seeds)"
    print(f"best by {chosen.mode} {chosen.metric}: {chosen.name}, {chosen.score:.6g}{point}")
    for key, value in chosen.varied.items():
        print(f"  {key}={value}")
    print(f"config   {chosen.folder / 'config.yaml'}")
    print(f"again    {chosen.command}")
