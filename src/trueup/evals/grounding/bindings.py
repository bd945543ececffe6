"""What belongs together: a claim whose words are all in the context may still join them otherwise.

"The fee is $5 and the limit $9" bears out neither "the fee is $9" nor, of two people, that the
other one paid. Numbers and names are held against the other words of their part of a sentence,
and two names around a verb against the order in which the context has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise

from trueup.text import listed, sentences, stems

__all__ = ["swapped"]

_PART = re.compile(r"(?<!\d),(?=\s)|:\s|\s[-–—]\s|\b(?:and|but|while|whereas|or|then|with)\b")
_ANCHOR = re.compile(r"(?<![\w.])\d[\d.:/-]*(?<![.:/-])|\b[A-Z][\w'-]+")
_DAYS = frozenset(
    listed(
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May "
        "June July August September October November December"
    )
)
# Who does it to whom is the same either way.
_MUTUAL = frozenset(stems("meet met marry married wed date dated divorced resemble equal"))


@dataclass(frozen=True, slots=True)
class _Bindings:
    """What the parts of a text's sentences join.

    Attributes:
        beside: of each number and name the words that stand in a part with it.
        acts: who, what is done, to whom.
    """

    beside: dict[str, frozenset[str]]
    acts: frozenset[tuple[str, str, str]]


@lru_cache(maxsize=16)
def _read(texts: tuple[str, ...]) -> _Bindings:
    """Read what texts join."""
    beside: dict[str, set[str]] = {}
    acts: set[tuple[str, str, str]] = set()
    for sentence in (s for text in texts for s in sentences(text)):
        for part in _PART.split(sentence):
            if anchors := _anchors(part):
                words = set(stems(part))
                for anchor in anchors:
                    beside.setdefault(anchor, set()).update(words - {anchor})
        acts |= set(_acts(sentence))
    return _Bindings({a: frozenset(w) for a, w in beside.items()}, frozenset(acts))


def swapped(claim: str, passages: tuple[str, ...]) -> list[str]:
    """Return the numbers and names of a claim that passages join the other way round."""
    own = _read((claim,))
    if len(own.beside) < 2:
        return []
    source = _read(passages)
    loose = [
        anchor
        for anchor, words in own.beside.items()
        if words and anchor in source.beside and not words & source.beside[anchor]
    ]
    for one, other in combinations(loose, 2):
        if own.beside[one] & source.beside[other] and own.beside[other] & source.beside[one]:
            return [one, other]
    for who, act, whom in own.acts - source.acts:
        if (whom, act, who) in source.acts:
            return [who, whom]
    return []


def _anchors(part: str) -> set[str]:
    return {_key(match) for match in _ANCHOR.findall(part)}


@lru_cache(maxsize=65536)
def _key(word: str) -> str:
    return word if word[0].isdigit() else "".join(stems(word))


def _acts(sentence: str) -> Iterator[tuple[str, str, str]]:
    """Yield who does what to whom: two names and the words between them, passives turned round."""
    names = [
        m
        for m in _ANCHOR.finditer(sentence)
        if not m.group()[0].isdigit() and m.group() not in _DAYS
    ]
    for one, other in pairwise(names):
        between = sentence[one.end() : other.start()]
        verbs = set(stems(between)) - _MUTUAL
        if len(verbs) > 3 or _PART.search(between):
            continue
        first, second = _key(one.group()), _key(other.group())
        if re.search(r"\bby\s+(?:the\s+)?$", between):
            first, second = second, first
        if first and second:
            yield from ((first, verb, second) for verb in verbs)
