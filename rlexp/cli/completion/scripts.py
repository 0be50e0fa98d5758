"""The scripts that make a shell ask `rlexp -sc query=<shell>` at each TAB."""

from __future__ import annotations

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


def script(shell: str, name: str, *, uninstall: bool = False) -> str | None:
    """What the shell is to evaluate; None for a shell without completion.

    Args:
        shell: `bash`, `zsh` or `fish`.
        name: the command that is completed.
        uninstall: the script that takes completion away again.
    """
    text = (_UNINSTALL if uninstall else _INSTALL).get(shell)
    return None if text is None else text.replace("NAME", name)
