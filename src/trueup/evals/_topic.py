"""What a request is about, as weighted words; and what kind of answer its question asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from trueup.text import facts, fold, listed, sentences, stems

__all__ = ["Asks", "asks_for", "holds", "states", "terms", "topic", "touching"]

Asks = Literal["person", "time", "number", "place", "reason", "yes or no", "thing", ""]

# Words for the task and not for what it is about, which any answer may hold: they count little.
_TASK = frozenset(
    stems(
        """write give list explain describe create generate provide make tell find suggest name
        following given below above sentence paragraph text question answer word example summarize
        summary rewrite article passage input output identify classify information use using way
        thing help want need know think good best people time year day new please like really lot
        kind much many point different important short story come put take show say said talk ask
        look try keep let sure right hello hi thanks thank maybe actually someone something anyone
        anything ever always never great nice love"""
    )
)
_LITTLE = 0.2
_ENOUGH = 2.0  # weight of the prompt's words that shows an answer to be about them
_LONGEST = 20_000  # characters of a prompt that are read


def terms(text: str) -> set[str]:
    """Return the stems, numbers, dates and codes of a text."""
    return set(stems(text)) | facts(text)


def topic(prompt: str) -> dict[str, float]:
    """Return the words that a prompt is about with how much each tells."""
    return {term: _LITTLE if term in _TASK else 1.0 for term in terms(prompt[:_LONGEST])}


def touching(sentence: set[str], about: Mapping[str, float]) -> float:
    """Return how much of the topic a sentence's terms touch: 1 is as much as shows it."""
    shared = sum(about[term] for term in sentence if term in about)
    return min(1.0, shared / min(_ENOUGH, sum(about.values()))) if shared else 0.0


_QUESTIONS: tuple[tuple[Asks, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))  # type: ignore[misc]
    for kind, pattern in (
        ("number", r"\bhow (?:many|much|old|far|long|tall|high|deep|big|large|often|fast|heavy)\b"
         r"|\bwhat (?:is|was|are) the (?:\w+ )?(?:number|amount|price|cost|age|height|length"
         r"|population"
         r"|distance|percentage|total|deductible|temperature|weight|size|limit|fee)\b"
         r"|\bwhat (?:number|percentage|amount)\b"),
        ("time", r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|time|century|decade)\b"
         r"|\bhow soon\b"),
        ("person", r"\bwho(?:se|m)?\b"),
        ("place", r"\bwhere\b"),
        ("reason", r"\bwhy\b|\bhow come\b|\bwhat (?:caused|causes)\b"),
        ("yes or no", r"^(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had"
         r"|may|am|isn't|aren't|don't|doesn't|didn't|can't|won't)\b"),
        ("thing", r"\b(?:what(?! (?:happen|do|does|did|should|would|could|can|are|were|if|about|to"
         r"|else)\b)|which|name)\b"),
    )
)  # fmt: skip
_TIME = re.compile(
    r"\b(?:\d{3,4}|today|tomorrow|yesterday|now|soon|never|always|noon|midnight|morning|evening"
    r"|night"
    r"|afternoon|spring|summer|autumn|winter|monday|tuesday|wednesday|thursday|friday|saturday"
    r"|sunday"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:\d+|\w+) (?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|centur(?:y|ies))(?: "
    r"ago)?"
    r"|\d{1,2} ?(?:am|pm|a\.m|p\.m)|\d{1,2}:\d\d|century|after|before|during)\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:none|zero|no|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty"
    r"|thirty"
    r"|forty|fifty|hundred|thousand|million|billion|half|dozen|few|many|several|once|twice|free)\b"
)
# a capital at the beginning of a sentence tells of a name where nothing else follows, or one's verb
_NAME = re.compile(
    r"(?<=[\w,:] )(?!I\b)[A-Z][\w'’-]*|^\W*[A-Z][\w'’-]*(?: [A-Z][\w'’-]*){0,3}\W*$"
    r"|^\W*[A-Z][\w'’-]*[a-z] (?:is|was|has|did|does)\b"
    r"|[\u0400-\u04ff\u0590-\u06ff\u3040-\u9fff\uac00-\ud7af]{2,}"
)
_STATES = re.compile(
    r"^\W*(?!(?:it|its|that|this|these|those|he|she|they|there|here|i|we|you|one|yes|no|none|in"
    r"|on|at|by"
    r"|since|because|due|to|for|from|with|after|before|during|until)\b)"
    r"(?:[^\W\d][\w'’-]*,? ){1,4}?(?:is|are|was|were|has|have|had|can|will|do|does|did)\b"
)
_PERSON = re.compile(
    r"\b(?:he|she|they|you|i|we|nobody|everyone|everybody|anyone|people|man|woman)\b"
)
_PLACE = re.compile(
    r"\b(?:in|at|on|near|under|above|behind|inside|outside|here|there|nowhere|anywhere"
    r"|everywhere|north|south|east|west)\b"
)
_REASON = re.compile(r"\b(?:because|since|due|so that|so|as|to|for|cause[sd]?|reason|thanks to)\b")
_POLAR = re.compile(
    r"^\W*(?:yes|no|yeah|yep|nope|true|false|correct|incorrect|indeed|not|never|always"
    r"|sometimes|probably|usually|maybe|perhaps|certainly|absolutely|of course|sure"
    r"|it (?:is|does|can|was|will|depends)|they (?:are|do|can))\b"
)


def asks_for(prompt: str) -> Asks:
    """Return what the last question of a prompt asks for; "" where it has none."""
    last = [s for s in sentences(prompt[-_LONGEST:]) if s.endswith(("?", "？", "؟"))]
    asked = fold(last[-1]) if last else fold(prompt[:_LONGEST])
    first = re.match(
        r"(?:and |so |but |please )?(?:who|when|where|why|how|what|which|name)\b", asked
    )
    if not last and first is None:
        return ""
    return next((kind for kind, pattern in _QUESTIONS if pattern.search(asked)), "")


def states(answer: str) -> bool:
    """Tell whether a short answer states something of a subject of its own: "The sky is blue"."""
    return _STATES.search(fold(answer)) is not None


def holds(answer: str, kind: Asks) -> bool:
    """Tell whether a short answer is of a kind: a name for a person, a number for a count."""
    low = fold(answer)
    named = _NAME.search(answer) is not None
    match kind:
        case "number":
            return _NUMBER.search(low) is not None
        case "time":
            return _TIME.search(low) is not None
        case "person":
            return named or _PERSON.search(low) is not None
        case "place":
            return named or _PLACE.search(low) is not None
        case "reason":
            return _REASON.search(low) is not None and len(listed(low)) > 2
        case "yes or no":
            return _POLAR.search(low) is not None
        case "thing":
            return named or bool(facts(answer))
    return False
