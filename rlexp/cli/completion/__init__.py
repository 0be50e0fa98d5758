"""`rlexp -sc install=bash|zsh|fish` prints the shell's completion script; `query=` answers each TAB.

A TAB is answered from names of files and text alone: to import Hydra takes longer than a person waits for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rlexp.base.errors import EXIT_DONE, ConfigError
from rlexp.cli.main import COMPLETION

_HOW = 'eval "$(rlexp -sc install=bash)", or zsh; rlexp -sc install=fish | source'

_BASH = """\
_rlexp_complete() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
        COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_BREAKS="$COMP_WORDBREAKS" "$1" -sc query=bash 2>/dev/null
    )
}
complete -o nospace -F _rlexp_complete NAME
"""

_ZSH = """\
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
_rlexp_complete() {
    local -a open closed
    local line
    while IFS= read -r line; do
        case "$line" in (*[=./]) open+=("$line");; (*) closed+=("$line");; esac
    done < <(COMP_LINE="$BUFFER" COMP_POINT="$CURSOR" "${words[1]}" -sc query=zsh 2>/dev/null)
    (( $#open )) && compadd -S '' -- "${open[@]}"
    (( $#closed )) && compadd -- "${closed[@]}"
}
compdef _rlexp_complete NAME
"""

_FISH = """\
function _rlexp_complete
    set -lx COMP_LINE (commandline -cp)
    set -l command (commandline -cpo)
    $command[1] -sc query=fish 2>/dev/null
end
complete -c NAME -f -a '(_rlexp_complete)'
"""

_INSTALL = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_UNINSTALL = {
    "bash": "complete -r NAME\nunset -f _rlexp_complete\n",
    "zsh": "compdef -d NAME\nunfunction _rlexp_complete\n",
    "fish": "complete -e -c NAME\nfunctions -e _rlexp_complete\n",
}


def run(argv: Sequence[str]) -> int:
    """Prints a script, or what fits the line that the shell tells in `COMP_LINE`, a line each; returns the exit code.

    Raises:
        ConfigError: no such command or shell.
    """
    folder, command, shell = _arguments(argv)
    if command == "query":
        for candidate in _answer(folder, shell):
            print(candidate)
        return EXIT_DONE
    if (text := _script(shell, _name(), uninstall=command == "uninstall")) is None:
        raise ConfigError(f"no completion for the shell {shell!r}", fix=_HOW)
    print(text, end="")
    return EXIT_DONE


def _arguments(argv: Sequence[str]) -> tuple[str | None, str, str]:
    """The folder of `--config-dir`, the command and the shell."""
    folder, words, others = None, [], iter(argv)
    for word in others:
        if word in ("--config-dir", "-cd"):
            folder = next(others, None)
        elif word in ("--config-name", "-cn"):
            next(others, None)
        elif word not in COMPLETION:
            words.append(word)
    command, _, shell = words[0].partition("=") if len(words) == 1 else ("", "", "")
    if command not in ("install", "uninstall", "query") or not shell:
        raise ConfigError(
            "--shell-completion takes one of install, uninstall and query, with =<shell>", fix=_HOW
        )
    return folder, command, shell


def _answer(folder: str | None, shell: str) -> list[str]:
    """What may stand at the cursor; nothing where the line makes no sense, since a TAB must never print an error."""
    from rlexp.cli.completion.candidates import candidates
    from rlexp.cli.completion.line import read, without_stem

    try:
        from rlexp.config.labs.search_path import config_dirs

        line = os.environ.get("COMP_LINE", "")
        typed = read(line, int(os.environ.get("COMP_POINT") or len(line)))
        folders = [*([Path(folder)] if folder else []), *config_dirs()]
        matches = candidates(typed, folders)
    except (ConfigError, OSError, ValueError):
        return []
    breaks = os.environ.get("COMP_BREAKS", "") if shell == "bash" else ""
    if shell != "bash":
        matches = [candidate.rstrip(" ") for candidate in matches]
    return [without_stem(candidate, typed, breaks) for candidate in matches]


def _name() -> str:
    """The command that is completed."""
    name = Path(sys.argv[0]).name
    return "rlexp" if not name or name.endswith(".py") else name


def _script(shell: str, name: str, *, uninstall: bool = False) -> str | None:
    """What the shell is to evaluate; None for a shell without completion.

    Args:
        shell: `bash`, `zsh` or `fish`.
        name: the command that is completed.
        uninstall: the script that takes completion away again.
    """
    text = (_UNINSTALL if uninstall else _INSTALL).get(shell)
    return None if text is None else text.replace("NAME", name)
