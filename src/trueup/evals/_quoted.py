"""What a text says itself: not what it quotes."""

from __future__ import annotations

import re

__all__ = ["FENCED", "LINE", "own_words"]

FENCED = r"```.*?(?:```|\Z)"
"""Code between fences, under DOTALL."""
LINE = r"^[ \t]*>[^\n]*$"
"""A line that is quoted, under MULTILINE."""

_QUOTED = re.compile(
    r"\"[^\"\n]{1,2000}\"|“[^”\n]{1,2000}”|«[^»\n]{1,2000}»|" + f"{LINE}|{FENCED}",
    re.MULTILINE | re.DOTALL,
)


def own_words(text: str) -> str:
    """Return a text without its quotations, quoted lines and code; whole, if all is in quotes."""
    if text[:1] in tuple('"“«') and _QUOTED.fullmatch(text):
        return text[1:-1]  # how models hand over a text that they were asked for
    return _QUOTED.sub(' "…" ', text)
