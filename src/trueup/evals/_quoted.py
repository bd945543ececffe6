"""What a text says itself: not what it quotes."""

from __future__ import annotations

import re

__all__ = ["own_words"]

_QUOTED = re.compile(
    r"\"[^\"\n]{1,2000}\"|“[^”\n]{1,2000}”|«[^»\n]{1,2000}»|^[ \t]*>[^\n]*$|```.*?(?:```|\Z)",
    re.MULTILINE | re.DOTALL,
)


def own_words(text: str) -> str:
    """Return a text without its quotations, quoted lines and code; whole, if all is in quotes."""
    if text[:1] in tuple('"“«') and _QUOTED.fullmatch(text):
        return text[1:-1]  # how models hand over a text that they were asked for
    return _QUOTED.sub(' "…" ', text)
