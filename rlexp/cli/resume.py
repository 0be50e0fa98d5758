"""`rlexp resume PATH [overrides]`: continue a run from its folder alone."""

from __future__ import annotations

from rlexp.errors import ConfigError


def run(argv: list[str]) -> int:
    """Continues the run in the folder that the first word names."""
    from rlexp.cli.train import close

    path, overrides = path_and_overrides(argv, "resume")
    from rlexp.run.resume import resume

    return close(resume(path, overrides, command=["rlexp", "resume", *argv]))


def path_and_overrides(argv: list[str], verb: str) -> tuple[str, list[str]]:
    """Splits `PATH [overrides]`.

    Raises:
        ConfigError: there is no path, or more than one.
    """
    if any(word in ("-h", "--help") for word in argv) or not argv:
        raise ConfigError(f"rlexp {verb} needs a run folder", fix=f"rlexp {verb} runs/<name> [key=value ...]")
    paths = [word for word in argv if "=" not in word]
    overrides = [word for word in argv if "=" in word]
    if len(paths) != 1:
        raise ConfigError(f"rlexp {verb} takes one path, got {paths}", fix=f"rlexp {verb} runs/<name>")
    return paths[0], overrides
