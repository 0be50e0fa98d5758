"""A command line up to the cursor, taken apart as a shell does."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """What was typed before the cursor.

    Attributes:
        words: the words after the command's name, but for the last one.
        word: the last one, which is completed; without the quotation mark that opens it.
        quoted: whether a quotation mark is open.
    """

    words: tuple[str, ...]
    word: str
    quoted: bool = False


def read(line: str, point: int) -> Line:
    """The words of a line up to the cursor.

    Args:
        line: the line, the command's name first.
        point: where the cursor stands, in characters.
    """
    words, word, quote, begun = [], "", "", False
    for sign in line[:point]:
        if quote:
            quote, word = ("", word) if sign == quote else (quote, word + sign)
        elif sign in "'\"":
            quote, begun = sign, True
        elif sign.isspace():
            words += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + sign, True
    # The command's name is the first of them, unless it is all that there is.
    return Line(tuple(words[1:]), word if words else "", bool(quote))


def without_stem(candidate: str, line: Line, breaks: str) -> str:
    """A candidate as bash wants it: without what it takes for earlier words, which it cuts at = and :.

    Args:
        candidate: the full word.
        line: what was typed.
        breaks: the signs that bash cuts words at (`COMP_WORDBREAKS`).
    """
    if line.quoted:
        return candidate
    cut = max((line.word.rfind(sign) for sign in "=:" if sign in breaks), default=-1)
    return candidate[cut + 1 :]
