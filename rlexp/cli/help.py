"""`rlexp --help`, a page that fits a screen, and `rlexp help KEY|GROUP|COMMAND|all` for the rest."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from rlexp.base.errors import EXIT_DONE, ConfigError
from rlexp.cli.config_catalogue import ConfigKey, GroupChoice, all_keys, default_choices, groups, keys
from rlexp.cli.listing import as_text, everything, key_line, main_config, to_choose_from

WIDTH = 80
"""Of the page: what every terminal has."""

USAGE: dict[str, tuple[str, str]] = {
    "train": ("[key=value ...]", "one run: rlexp env=acrobot seed=1"),
    "-m": ("[key=value ...]", "a sweep: rlexp -m algorithm=ppo,dqn seed=0,1"),
    "resume": ("PATH [key=value ...]", "go on with a run or a sweep"),
    "evaluate": ("PATH [key=value ...]", "evaluate a checkpoint, of a sweep the best"),
    "report": ("PATH...", "a page of runs, compared"),
    "list": ("[GROUP]", "groups and choices, a line on each"),
    "help": ("NAME", "on a key, group or command; all: every key"),
    "curriculum": ("simulate [...]", "a curriculum on synthetic students"),
    "doctor": ("", "what this machine is, what it can run"),
    "clean": ("", "end what dead runs have left behind"),
    "init": ("DIR", "a lab repository of one's own"),
    "lab": ("trust DIR", "use a lab that others may write to"),
}
"""Each command's arguments and what it does; `train` is the one that is meant where none is named."""

_FLAGS = (
    "--cfg job (print the config, run nothing), --info, -cd DIR (one more folder of choices, or a run to "
    "run again), -cn NAME (another primary config), -sc install=bash (completion), --hydra-help, --version"
)


_KEYS_INSIDE = ("Stop", "Plateau", "CheckpointChoice", "ReportingChoice")
"""Types whose keys are shown one by one."""


def run(argv: Sequence[str]) -> int:
    """Runs `rlexp help` with the words after it; returns the exit code.

    Raises:
        ConfigError: nothing has that name.
    """
    from rlexp.config.labs.search_path import config_dirs

    words = [word for word in argv if word not in ("-h", "--help")]
    if not words:
        text = page()
    elif words == ["all"]:
        text = everything(usage(), _FLAGS)
    elif words[0] in USAGE and words[0] != "-m":
        return _of_command(words[0])
    else:
        dirs = config_dirs()
        text = _about(words[0], groups(dirs), keys(main, "") if (main := main_config(dirs)) else [])
    sys.stdout.write(text)
    return EXIT_DONE


def page() -> str:
    """The commands, the groups, the other keys and the flags, in 24 lines of 80 signs."""
    from rlexp.config.labs.search_path import config_dirs

    dirs = config_dirs()
    main = main_config(dirs)
    top = dict.fromkeys(key.path.partition(".")[0] for key in keys(main, "")) if main else {}
    chosen = " ".join(to_choose_from(groups(dirs)))
    lines = [
        usage(),
        "",
        _row("groups", f"{chosen}   (group=choice)"),
        _row("keys", f"{' '.join(top)} and those in the groups"),
    ]
    return "\n".join([*lines, _row("flags", _FLAGS)]) + "\n"


def usage() -> str:
    """A line for each command."""
    heads = {
        verb: f"rlexp {'' if verb == 'train' else verb + ' '}{words}".rstrip()
        for verb, (words, _) in USAGE.items()
    }
    width = max(map(len, heads.values())) + 1
    return "\n".join(head.ljust(width) + USAGE[verb][1] for verb, head in heads.items())


def _row(head: str, text: str) -> str:
    body = textwrap.wrap(text, WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"{head if not number else '':<8}{line}" for number, line in enumerate(body))


def _of_command(verb: str) -> int:
    if verb == "help":
        sys.stdout.write(page())
        return EXIT_DONE
    from rlexp.cli.main import main

    return main([verb, "--help"])


def _about(name: str, by_group: dict[str, dict[str, GroupChoice]], top: list[ConfigKey]) -> str:
    """A group with its choices and keys, a choice, or a key in each choice that has it."""
    group, equals, choice = name.partition("=")
    if equals and choice in by_group.get(group, {}):
        files = {name: entry.file for name, entry in by_group[group].items()}
        lines = [key_line(key, "    ") for key in all_keys(choice, group, files)]
        return as_text({group: {choice: by_group[group][choice]}}) + "".join(f"{line}\n" for line in lines)
    if name in by_group:
        return as_text({name: by_group[name]}) + "\n" + _group_keys(name, by_group[name])
    if lines := _key_lines(group, by_group, top):
        return "\n".join(lines) + "\n"
    return _known_to_rllib(group) or _answer(group, by_group, top)


def _group_keys(group: str, choices: dict[str, GroupChoice]) -> str:
    from rlexp.cli.listing import group_keys

    dirs_default = _defaults().get(group, [])
    return "\n".join([f"keys of {group}:", *group_keys(choices, group, dirs_default)]) + "\n"


def _defaults() -> dict[str, list[str]]:
    from rlexp.config.labs.search_path import config_dirs

    return default_choices(config_dirs())


def _key_lines(name: str, by_group: dict[str, dict[str, GroupChoice]], top: list[ConfigKey]) -> list[str]:
    """Lines on the keys that are `name` or lie below it; of a group's key, for each choice that sets it."""
    lines = [key_line(key) for key in top if _is_below(key.path, name)]
    group = name.partition(".")[0]
    printed: set[tuple[str, str]] = set()
    for choice, entry in by_group.get(group, {}).items():
        for key in keys(entry.file, group):
            if _is_below(key.path, name) and (key.path, key.value) not in printed:
                printed.add((key.path, key.value))
                lines.append(f"{key_line(key)}   ({group}={choice})")
    if lines and (kind := _type_of(name)):
        lines.append(f"  takes {kind}")
    return lines


def _is_below(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def _type_of(name: str) -> str:
    """What the key takes, in words: its names, or its type and the range of its numbers."""
    from rlexp.config.callables.annotations import describe
    from rlexp.config.keys.key_table import known_of

    known = known_of(name)
    if known.names:
        return ", ".join(known.names)
    annotation = _annotations().get(name)
    kind = describe(annotation) if annotation and annotation.partition(" ")[0] not in _KEYS_INSIDE else ""
    return ", ".join(filter(None, [kind, str(known.range or "")]))


def _annotations() -> dict[str, str | None]:
    """Every key that some algorithm takes."""
    from rlexp.config.algorithms.builder_signatures import known_config_classes
    from rlexp.config.known_keys import annotated_keys

    return {key: kind for path in known_config_classes() for key, kind in annotated_keys(path).items()}


def _known_to_rllib(name: str) -> str:
    """A keyword of RLlib's builders that no shipped file sets; empty where there is none."""
    if name not in _annotations():
        return ""
    return f"  {name}   a keyword of RLlib's, that no shipped choice sets\n  takes {_type_of(name) or 'any value'}\n"


def _answer(name: str, by_group: dict[str, dict[str, GroupChoice]], top: list[ConfigKey]) -> str:
    """What a name from elsewhere is called here.

    Raises:
        ConfigError: nothing is known of it.
    """
    from rlexp.base.suggest import ALIASES, nearest
    from rlexp.config.classic import answer

    if (known := answer(name, "<value>")) is not None:
        return f"  {name}: {known.reason}\n  write: {known.fix}\n"
    if targets := ALIASES.get(name.rpartition(".")[2].lower().replace("-", "_")):
        return f"  {name} is {' or '.join(targets)} here; rlexp help {targets[0]}\n"
    names = [*USAGE, *to_choose_from(by_group), *(key.path for key in top), *_annotations()]
    close = nearest(name, names)
    fix = f"rlexp help {close[0]}" if close else "rlexp help all"
    raise ConfigError(f"there is no key, group or command {name!r}", suggestions=close, fix=fix)
