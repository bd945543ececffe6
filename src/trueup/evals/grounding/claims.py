"""What an answer claims: its sentences, less those that claim nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trueup.text import facts, sentences, stems

__all__ = ["Claim", "find_claims"]

_OPENING = re.compile(
    r"^(?:(?:yes|no|sure|certainly|of course|okay|ok|well|so)\b[\s,:.!-]*"
    r"|i(?:'m| am) not sure\s?,? but\s+)",
    re.I,
)
# Said of the context or of oneself, and so nothing that the context could bear out.
_NO_CLAIM = re.compile(
    r"\b(?:policy|text|context|document|passage|information|source|record|article|it)\b[^.]{0,40}"
    r"\b(?:does not|doesn't|do not|don't|is not|isn't)\s+(?:say|mention|state|specify|contain|"
    r"provide|include|address|clear|mentioned|stated|specified)|"
    r"\bnot (?:mentioned|stated|specified|addressed) in\b|"
    r"\bi (?:do not|don't|cannot|can't|could not|couldn't|am not able|am unable|'m unable"
    r"|'m not)\b|"
    r"\bi(?:'m| am) sorry\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that claims something.

    Attributes:
        text: the sentence, less an opening "Yes," that answers and says nothing of its own.
        start: where it stands in the answer.
        end: where it ends there.
    """

    text: str
    start: int
    end: int


def find_claims(answer: str) -> list[Claim]:
    """Return the claims of an answer, in order."""
    found = []
    at = 0
    for sentence in sentences(answer):
        start = answer.find(sentence, at)
        at = start + len(sentence)
        said = _OPENING.sub("", sentence)
        if not _NO_CLAIM.search(said) and (stems(said) or facts(said)):
            found.append(Claim(said, at - len(said), at))
    return found
