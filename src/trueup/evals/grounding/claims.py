"""What an answer claims: its sentences, less those that claim nothing, as questions do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trueup.text import facts, sentences, stems

__all__ = ["Claim", "find_claims"]

_OPENING = re.compile(
    r"^(?:(?:yes|sure|certainly|of course|okay|ok|well|so)\b[\s,:.!-]*"
    # not the one of "No fee applies"
    r"|no\b(?:\s*[,:.!-][\s,:.!-]*|\s+(?=(?:i|it|he|she|they|we|you|that|this|there|but)\b))"
    r"|i(?:'m| am) not sure\s?,? but\s+)",
    re.I,
)
_ASKS = re.compile(
    r"^(?:\W*\b(?:and|or|but|so|also|then|now|well)\b)?\W*(?:wh(?:o|om|ose|at|ich|en|ere|y)|how|do(?:es)?"
    r"|did|is|are|was|were|am|can|could|would|will|shall|should|may|might|ha(?:s|ve|d)|any)\b.*\?\W*$",
    re.I | re.S,
)
_TELLS = re.compile(r"^\W*(?:did|do) you know\b", re.I)  # and then says what
_COURTESY = re.compile(
    r"^\W*(?:(?:hello|hi|hey|greetings|welcome|you're welcome|goodbye|bye|(?:best|kind) regards"
    r"|good (?:morning|afternoon|evening|day)|(?:thanks|thank you)(?: (?:so|very) much)?"
    r"(?: for \w+(?: \w+)?)?)(?: \w+)?\W*$"
    r"|(?:please )?(?:let me know|feel free|(?:do not|don't) hesitate|i hope (?:this|that) helps"
    r"|(?:i'm|i am|i'd be|i would be) (?:happy|glad) to)\b)",
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
        if _claims(said) and (stems(said) or facts(said)):
            found.append(Claim(said, at - len(said), at))
    return found


def _claims(said: str) -> bool:
    asks = _ASKS.match(said) and not _TELLS.match(said)
    return not (asks or _COURTESY.match(said) or _NO_CLAIM.search(said))
