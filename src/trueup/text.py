"""Words, sentences and hard facts of a text, folded so that two texts can be compared."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache

__all__ = [
    "STOPWORDS",
    "facts",
    "fold",
    "hedges",
    "listed",
    "plain_text",
    "sentences",
    "single_spaced",
    "stems",
    "word_count",
]


def listed(words: str) -> tuple[str, ...]:
    """Return the words of a text that names some."""
    return tuple(words.split())


_TOOL_CALL = re.compile(r"<tool_call>.*?(?:</tool_call>|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|[;\n]+")
_BLANKS = re.compile(r"[^\S\n]{2,}")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")  # written without spaces
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w])|(?<=\w)-?\d+(?=%)")
_CODE = re.compile(r"\b(?=\w*\d)(?=[\w-]*[^\W\d])[\w]+(?:-[\w]+)*|\b[^\W\d_]+-\d[\w-]*")
_MONTHS = listed(
    "january february march april may june july august september october november december"
)
_MONTH = "|".join(m[:3] + (f"(?:{m[3:]})?" if m[3:] else "") for m in _MONTHS)
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<n>\d{2})-(?P<d>\d{2})\b"),
    re.compile(
        rf"\b(?P<m>{_MONTH})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y>\d{{4}})\b)?"
    ),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>{_MONTH})\b\.?"
        r"(?:,?\s+(?P<y>\d{4})\b)?"
    ),
)
_SPELLED = {
    word: str(i)
    for i, word in enumerate(
        listed("zero one two three four five six seven eight nine ten eleven twelve")
    )
}
_SUFFIXES = ("ations", "ation", "ingly", "ments", "ment", "ings", "ing", "edly", "ies", "ed", "es")

STOPWORDS = frozenset(
    listed(
        """a about after all also am an and any are as at be because been before being both but by
        can could did do does doing done for from further get gets got had has have having he her
        here hers him his how i if in into is it its itself just like may me might more most must my
        no nor not of off on once only or other our out over own please she should so some such than
        that the their them then there these they this those through to too under until up us very
        was we were what when where which while who whom why will with would yes you your yours"""
    )
)

# Hedges that are frequent in answers, after the list in the appendix of Hyland 2005
# (*Metadiscourse*): words, and then phrases
_HEDGES = frozenset(
    listed(
        """about almost apparently appear appears approximately arguable arguably around assume
        assumed assumes could doubt doubtful essentially estimate estimated fairly feel feels
        frequently generally guess indicate indicates largely likely mainly may maybe might mostly
        often ought perhaps plausible plausibly possibility possible possibly presumable
        presumably probable probably quite rather relatively roughly seem seems should sometimes
        somewhat suggest suggests supposed supposedly suspect suspects tend tends think typically
        uncertain unclear unlikely usually would"""
    )
)
_HEDGING = re.compile(
    r"in general|in (?:most|some|many) cases|in my opinion|in my view|on the whole|to some extent"
    r"|it depends|[a-z]+"
)


def plain_text(answer: str) -> str:
    """Return an answer without its `<tool_call>` blocks."""
    return _TOOL_CALL.sub(" ", answer).strip()


def single_spaced(text: str) -> str:
    """Return a text with one blank for each run of them, line ends kept.

    Patterns that begin with blanks take a time that is quadratic in such a run.
    """
    return _BLANKS.sub(" ", text)


def fold(text: str) -> str:
    """Return the text in one case, one form of every character, and single spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(folded.split())


def hedges(text: str) -> list[str]:
    """Return the hedges of an English text: "perhaps", "it seems", "in general"."""
    found = _HEDGING.findall(text.lower())
    return [one for one in found if one in _HEDGES or " " in one]


def sentences(text: str) -> list[str]:
    """Split a text into sentences, at line breaks and semicolons too."""
    return [s for part in _SENTENCE.split(text) if (s := part.strip())]


def stems(text: str) -> list[str]:
    """Return the stems of the words that carry meaning; pairs of characters where none are spaced.

    Numbers are left to `facts`.
    """
    found: list[str] = []
    folded = fold(text)
    for run in _WIDE.findall(folded):
        found += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
    for word in _WORD.findall(_WIDE.sub(" ", folded)):
        bare = word.removesuffix("'s")
        if bare in STOPWORDS or bare in _SPELLED:
            continue
        if bare.isalpha() or not any(c.isdigit() for c in bare):
            found.append(_stem(bare))
    return found


def facts(text: str) -> frozenset[str]:
    """Return the numbers, dates and codes of a text, each in one spelling.

    A date with a year yields itself and the day alone, so that "March 5" is borne out by it.
    """
    folded = fold(text)
    found: set[str] = set()
    for pattern in _DATES:
        for match in pattern.finditer(folded):
            found |= _date(match)
        folded = pattern.sub(" ", folded)
    found |= {f"code {code}" for code in _CODE.findall(folded)}
    folded = _CODE.sub(" ", folded)
    found |= {f"number {n}" for raw in _NUMBER.findall(folded) if (n := _number(raw))}
    found |= {f"number {_SPELLED[w]}" for w in _WORD.findall(folded) if w in _SPELLED}
    return frozenset(found)


def word_count(text: str) -> int:
    """Return the number of words, each character counted where words are not spaced."""
    wide = sum(len(run) for run in _WIDE.findall(text))
    return wide + len(_WORD.findall(_WIDE.sub(" ", text)))


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    # Both sides of every comparison are cut alike, so a crude cut is enough.
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            cut = word.removesuffix(suffix)
            return cut + "y" if suffix == "ies" else cut.removesuffix("e")
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def _number(raw: str) -> str:
    try:
        value = Decimal(raw.replace(",", ""))
    except InvalidOperation:
        return ""
    return f"{value.normalize():f}" if abs(value.adjusted()) < 40 else str(value)


def _date(match: re.Match[str]) -> set[str]:
    groups = match.groupdict()
    month = int(groups["n"]) if groups.get("n") else _month(groups["m"])
    day = f"{month:02}-{int(groups['d']):02}"
    return {f"day {day}"} | ({f"date {groups['y']}-{day}"} if groups["y"] else set())


def _month(name: str) -> int:
    return next(i for i, month in enumerate(_MONTHS, start=1) if month.startswith(name[:3]))
