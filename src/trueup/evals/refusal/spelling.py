"""How an answer is spelled: contractions, and the apostrophes that haste leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from trueup.text import listed, stems

__all__ = ["mended", "spelled_out", "stem", "words_of"]

_WORD = re.compile(r"[^\W_]+")
_SHORT = re.compile(
    r"\b(ca|wo|sha)n't\b|n't\b|'(m|re|ve|ll|d)\b|\b(it|that|there|here|what|let)'s\b|(?<=can)not\b"
)
_STEM = {"ca": "can", "wo": "will", "sha": "shall"}
_LONG = {"m": " am", "re": " are", "ve": " have", "ll": " will", "d": " would"}
# As typed in haste.
_HASTY = {
    f"{word}nt": f"{word}n't"
    for word in listed("ca wo do does did is are was were would could should has have had")
} | {
    "im": "i'm",
    "thats": "that's",
    "ive": "i've",
    "u": "you",
    "gonna": "going to",
    "wanna": "want to",
}
_HASTY_WORD = re.compile(rf"\b(?:{'|'.join(_HASTY)})\b", re.IGNORECASE)


def words_of(text: str) -> list[str]:
    """Return the words of a text."""
    return _WORD.findall(text)


def spelled_out(text: str) -> str:
    """Return a text in lower case without "can't" and its like."""
    text = text.lower().replace("’", "'")
    return _SHORT.sub(_long, text) if "'" in text or "cannot" in text else text


def mended(sentence: str, words: Iterable[str]) -> str:
    """Return a sentence of these words with the apostrophes that were left out."""
    if _HASTY.keys().isdisjoint(words):  # as of most sentences
        return sentence
    return _HASTY_WORD.sub(lambda match: _HASTY[match[0].lower()], sentence)


def _long(match: re.Match[str]) -> str:
    cut, ending, subject = match.groups()
    if ending:
        return _LONG[ending]
    return f"{subject} is" if subject else f"{_STEM.get(cut, '')} not"


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the stem of a word in lower case."""
    return (stems(word) or [word])[0]
