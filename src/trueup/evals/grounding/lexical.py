"""What words alone tell: a claim's facts, names and polarity, and the words it shares."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log1p

from trueup.evals.grounding.bindings import swapped
from trueup.evals.grounding.canonical import canonical
from trueup.evals.grounding.claims import Claim
from trueup.text import facts, fold, sentences, stems

__all__ = ["FEATURES", "Found", "Source", "features", "look_up", "read_source"]

FEATURES = (
    "words_counted",
    "words_mean",
    "words_min",
    "pairs_mean",
    "pairs_min",
    "triples_mean",
    "stems_mean",
    "stems_min",
    "stems_missing",
    "facts_missing",
    "names_missing",
    "opposed",
    "negated",
    "swapped",
    "foreign",
    "denials_unlike",
    "claims",
    "answer_length",
    "context_length",
    "asks",
    "of_self",
    "of_you",
)
"""What `features` returns, in order."""

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_BEFORE_MARK = re.compile(r"(?<!\s)\s+(?=[,.;:!?])")  # as in texts whose tokens stand apart
_DIGITS = re.compile(r"\d+")
_TIME = re.compile(r"\b\d{1,2}:\d{2}\b")
_ONE = re.compile(
    r"\bone\b(?!\s+(?:hour|day|week|month|year|minute|second|time)s?\b)", re.I
)  # as often a pronoun as a number
_NAME = re.compile(r"(?<!^)(?<![.!?:\"“] )\b[A-Z][a-zà-ÿ]+\b")
_CLAUSE = re.compile(r",?\s+\b(?:but|while|whereas|however|although|except)\b|,\s+(?=not\b)", re.I)
# Words that are the polarity of a clause, and so not what it is about.
_VERDICTS = frozenset(
    stems("cover coverage covering exclude exclusion deny denial reject lack fail unable insured")
)
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|nothing|neither|nor|without|exclud\w+|exclusions?|den(?:y|ied|ies)"
    r"|reject\w*|unable|lacks?|fail(?:s|ed)?|ruled out|prohibit\w*|forbid\w*)\b"
)
_NOT_A_SUBJECT = _VERDICTS | frozenset(
    stems("never none nothing neither nor without prohibit prohibited forbid forbidden ruled")
)
_COVERAGE = frozenset(stems("cover coverage exclude exclusion"))
# Words for the documents themselves: they say what kind of text it is and claim nothing.
_GENRE = frozenset(
    stems("claim policy record file case text document passage article report customer number")
)
_OF_SELF, _OF_YOU = (
    frozenset(["i", "my", "me", "i'm", "i've"]),
    frozenset(["you", "your", "you're"]),
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a context says: its facts, stems, those of each polarity, words in a row, digits.

    `words` are counted, `clauses` are the stems of each and whether it denies, and
    `passages` the texts in canonical spelling.
    """

    facts: frozenset[str]
    stems: frozenset[str]
    affirmed: frozenset[str]
    denied: frozenset[str]
    words: Mapping[str, int]
    pairs: frozenset[tuple[str, str]]
    triples: frozenset[tuple[str, str, str]]
    digits: frozenset[str]
    length: int
    clauses: tuple[tuple[frozenset[str], bool], ...]
    passages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """How one claim stands to a source.

    Attributes:
        facts: its numbers, dates and codes that the source lacks.
        names: its names that the source lacks.
        missing: the other words that it lacks, as stems.
        opposed: the words of which the source says the opposite.
        negated: what it says, or denies, in a clause that the source has the other way.
        swapped: two of its numbers or names that the source has in each other's place.
        words: share of its words that the source has; so too `pairs`, `triples`, and `stems` of
            those that carry meaning.
        length: words.
        foreign: whether too few of those that carry meaning are the source's.
        unlike: whether it denies where the source never does.
    """

    facts: tuple[str, ...]
    names: tuple[str, ...]
    missing: tuple[str, ...]
    opposed: tuple[str, ...]
    negated: tuple[str, ...]
    swapped: tuple[str, ...]
    words: float
    pairs: float
    triples: float
    stems: float
    length: int
    foreign: bool
    unlike: bool

    @property
    def fault(self) -> str:
        """What is wrong with the claim in words, or "" where they tell of nothing."""
        if self.facts or self.names:
            return "not in the context: " + ", ".join(self.facts + self.names)
        if self.opposed or self.negated:
            return "the context says the opposite of: " + ", ".join(self.opposed or self.negated)
        if self.swapped:
            return "the other way round in the context: " + ", ".join(self.swapped)
        if self.foreign:
            return "not in the context: " + ", ".join(self.missing)
        return ""


def read_source(passages: Sequence[str]) -> Source:
    """Read a context."""
    passages = [canonical(passage) for passage in passages]
    affirmed: set[str] = set()
    denied: set[str] = set()
    known: set[str] = set()
    clauses = []
    for clause in {c for p in passages for s in sentences(p) for c in _CLAUSE.split(s)}:
        clauses.append((frozenset(stems(clause)), _is_denial(clause)))
        (denied if clauses[-1][1] else affirmed).update(clauses[-1][0])
    words: list[str] = []
    for passage in passages:
        known |= _facts(passage)
        words += _TOKEN.findall(fold(passage))
    return Source(
        frozenset(known),
        frozenset(affirmed | denied),
        frozenset(affirmed),
        frozenset(denied),
        Counter(words),
        frozenset(pairwise(words)),
        frozenset(zip(words, words[1:], words[2:], strict=False)),
        frozenset(number for fact in known for number in _DIGITS.findall(fact)),
        len(words),
        tuple(clauses),
        tuple(passages),
    )


def look_up(claim: str, source: Source) -> Found:
    """Hold a claim against a source."""
    claim = canonical(claim)
    words = _TOKEN.findall(fold(claim))
    pairs, triples = list(pairwise(words)), list(zip(words, words[1:], words[2:], strict=False))
    carrying = stems(claim)
    known = source.stems | (_COVERAGE if source.stems & _COVERAGE else frozenset())
    kept = set(carrying) - (_GENRE - known)
    share = _share(words, source.words)
    lacking = {fact for fact in _facts(claim) - source.facts if not _within(fact, source)}
    in_a_row = _share(triples, source.triples, share)
    # what is copied word by word says no opposite, wherever clauses end
    opposed = _opposed(claim, source) if not triples or in_a_row < 1 else set()
    return Found(
        tuple(sorted(fact.split(" ", 1)[1] for fact in lacking)),
        tuple(n for n in _NAME.findall(claim) if not set(stems(n)) <= source.stems),
        tuple(sorted(kept - known)),
        tuple(sorted(opposed)),
        tuple(sorted(_negated(claim, source))),
        tuple(swapped(claim, source.passages)),
        share,
        _share(pairs, source.pairs, share),
        in_a_row,
        sum(s in known for s in carrying) / len(carrying) if carrying else 1.0,
        len(words),
        bool(kept) and len(kept & known) < _needed(kept) * len(kept),
        _is_denial(claim) and not source.denied,
    )


def _facts(text: str) -> frozenset[str]:
    """Return the facts of a canonical text: a time is one, and a lone "one" is none."""
    text = _ONE.sub(" ", _BEFORE_MARK.sub("", text))
    times = {f"time {time.zfill(5)}" for time in _TIME.findall(text)}
    return facts(_TIME.sub(" ", text)) | times


def _within(fact: str, source: Source) -> bool:
    """Tell whether a number is part of a date or a code of the source: the year of a day."""
    kind, _, value = fact.partition(" ")
    return kind == "number" and value in source.digits


def _opposed(claim: str, source: Source) -> set[str]:
    """Return the words of a claim's clauses of which the source says the opposite."""
    found: set[str] = set()
    for clause in _CLAUSE.split(claim):
        told, other = source.affirmed, source.denied
        if _is_denial(clause):
            told, other = other, told
        subject = (set(stems(clause)) & source.stems) - _VERDICTS - (_GENRE - source.stems)
        opposed = subject & (other - told)
        if 2 * len(opposed) >= len(subject):
            found |= opposed
    return found


def _negated(claim: str, source: Source) -> set[str]:
    """Return the words of a clause that stands in the source, each time with the other polarity."""
    for clause in _CLAUSE.split(claim):
        subject = set(stems(clause)) - _NOT_A_SUBJECT
        polarities = {denies for known, denies in source.clauses if subject <= known}
        if subject and polarities == {not _is_denial(clause)}:
            return subject
    return set()


def features(
    answer: str, claims: Sequence[Claim], found: Sequence[Found], source: Source
) -> list[float]:
    """Return `FEATURES` of an answer with at least one claim."""
    weights = [one.length + 0.1 for one in found]
    total = sum(weights)

    def mean(values: list[float]) -> float:
        return sum(w * v for w, v in zip(weights, values, strict=True)) / total

    said = Counter(w for claim in claims for w in _TOKEN.findall(fold(canonical(claim.text))))
    known = sum(min(count, source.words.get(word, 0)) for word, count in said.items())
    return [
        known / max(1, said.total()),
        mean([one.words for one in found]),
        min(one.words for one in found),
        mean([one.pairs for one in found]),
        min(one.pairs for one in found),
        mean([one.triples for one in found]),
        mean([one.stems for one in found]),
        min(one.stems for one in found),
        log1p(max(len(one.missing) for one in found)),
        log1p(sum(len(one.facts) for one in found)),
        log1p(sum(len(one.names) for one in found)),
        float(any(one.opposed for one in found)),
        float(any(one.negated for one in found)),
        float(any(one.swapped for one in found)),
        float(any(one.foreign for one in found)),
        float(any(one.unlike for one in found)),
        log1p(len(claims)),
        log1p(sum(one.length for one in found)),
        log1p(source.length),
        float("?" in answer),
        float(not _OF_SELF.isdisjoint(said)),
        float(not _OF_YOU.isdisjoint(said)),
    ]


def _needed(kept: Collection[str]) -> float:
    # in a short claim each word carries it; a long one is more often put in words of its own
    return 0.7 if len(kept) <= 6 else 0.55


def _share(items: Sequence[object], known: Collection[object], otherwise: float = 1.0) -> float:
    return sum(item in known for item in items) / len(items) if items else otherwise


def _is_denial(clause: str) -> bool:
    # two negations affirm: "is not excluded"
    return len(_NEGATION.findall(fold(clause))) % 2 == 1
