"""`rlexp resume PATH [overrides]`: continue a run from its folder alone."""

from __future__ import annotations

from pathlib import Path

from rlexp.base.errors import EXIT_DONE, ConfigError

USAGE = """\
rlexp resume PATH [key=value ...]

Continues the run in the folder PATH, from its newest whole checkpoint; or a sweep: what is done is not run again,
what was stopped goes on, what failed is tried again. Overrides change settings, e.g.
stop.env_steps=200000 or algorithm.lr=1e-4; what the saved state cannot follow is refused with the reason.
checkpoint.trust=true   load a checkpoint that somebody else made (runs the code stored in it)
"""


def run(argv: list[str]) -> int:
    """Continues the run in the folder that the first word names."""
    from rlexp.cli.train import close

    if asks_for_help(argv):
        print(USAGE)
        return EXIT_DONE
    path, overrides = path_and_overrides(argv, "resume")
    from rlexp.storage.buckets.fetch import fetched
    from rlexp.storage.sweeps.sweep_view import is_sweep
    from rlexp.sweep.folder import SweepFolder

    folder = fetched(path)
    if is_sweep(folder):
        from rlexp.cli.multirun import close as close_sweep
        from rlexp.sweep.multirun import resume_sweep

        return close_sweep(
            resume_sweep(SweepFolder(folder.absolute()), overrides, ["rlexp", "resume", *argv])
        )
    from rlexp.run.resume import resume

    return close(resume(path, overrides, command=["rlexp", "resume", *argv]))


def asks_for_help(argv: list[str]) -> bool:
    """Whether the words are a question."""
    return any(word in ("-h", "--help") for word in argv)


def path_and_overrides(argv: list[str], verb: str) -> tuple[str, list[str]]:
    """Splits `PATH [overrides]`.

    Raises:
        ConfigError: there is no path, or more than one.
    """
    if not argv:
        raise ConfigError(f"rlexp {verb} needs a run folder", fix=f"rlexp {verb} runs/<name> [key=value ...]")
    flags = [word for word in argv if word.startswith("-")]
    if flags:
        raise ConfigError(f"there is no flag {flags[0]} of rlexp {verb}", fix=f"rlexp {verb} runs/<name>")
    paths = [word for word in argv if not _is_override(word)]
    overrides = [word for word in argv if _is_override(word)]
    if len(paths) != 1 or not paths[0].strip():
        raise ConfigError(f"rlexp {verb} takes one path, got {paths}", fix=f"rlexp {verb} runs/<name>")
    return paths[0], overrides


def _is_override(word: str) -> bool:
    """A folder's name may have `=` in it, too."""
    return word.startswith(("+", "~")) or ("=" in word and not _exists(word))


def _exists(word: str) -> bool:
    try:
        return Path(word).exists()
    except OSError:  # Too long for a name, as a list of tasks may be.
        return False
