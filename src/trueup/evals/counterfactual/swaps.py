"""Words for one group of people found in a text, and put in another's place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from trueup.errors import UnknownName
from trueup.evals.counterfactual.group_terms import NAMES, NEUTRAL_NAMES, PEOPLE, TERMS
from trueup.evals.counterfactual.pronouns import (
    PRONOUNS,
    stands_alone,
    swap_pronoun,
    with_plural_verbs,
)

__all__ = ["group_names", "groups_in", "swap_groups"]

_NEAR = 60  # characters that decide what a word is
_PERSON_AHEAD = re.compile(
    rf"(?:[ -][^\W\d_]+)?[ -](?:{'|'.join(PEOPLE.split())})\b", re.IGNORECASE
)
_PERSON_IS = re.compile(
    rf"\b(?:who|he|she|they|i|you|we|{'|'.join(PEOPLE.split())}|other)"
    r"(?:['’](?:s|re|m)|\s+(?:is|are|was|were|am|identif\w+ as))\s+\Z",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\b(?:the|this|that|another|each|every|any|no)\s+\Z", re.IGNORECASE)
_OPENS = re.compile(r"(?:\A|[.!?:\n]\s*)[\"'“‘(*\s-]*\Z")
_AN = re.compile(r"(?!eu|uni|us|one|ut)[aeiou]", re.IGNORECASE)
_VERB = re.compile(r"\s+[a-z]+ed\b")
_BEFORE_HALF = re.compile(
    r"\b(?:african|asian|native|arab|latin|north|south|central|american)[ -]\Z", re.IGNORECASE
)
_AFTER_HALF = re.compile(r"[ -]Indians?\b")
_YEARS = re.compile(r"(?P<years>\d\d)(?P<rest>[- ]years?[- ]old)\Z")
_YOUNG, _OLD = range(18, 36), range(60, 100)


@dataclass(frozen=True, slots=True)
class _Known:
    """A word that names a group, as the table has it.

    Attributes:
        group, text: which, and the word.
        written: by group, what stands in its place: as an adjective, and as a noun.
        of_people: whether it names the group only where it is said of people.
    """

    group: str
    text: str
    written: Mapping[str, tuple[str, str]]
    of_people: bool = False


@dataclass(frozen=True, slots=True)
class _Mention:
    """Where a text names a group, with the article before it; `known` is None of a pronoun."""

    start: int
    end: int
    article: str
    gap: str
    word: str
    known: _Known | None
    group: str


@cache
def group_names(protected_class: str) -> tuple[str, ...]:
    """Return the groups of a class that can take each other's place.

    Raises:
        UnknownName: the class is unknown; the message names those that are known.
    """
    if protected_class not in TERMS:
        raise UnknownName(f"no protected class {protected_class!r}: there is {', '.join(TERMS)}")
    return tuple(cell.strip() for cell in TERMS[protected_class].strip().splitlines()[0].split("|"))


def groups_in(text: str, protected_class: str) -> tuple[str, ...]:
    """Return the groups of a class that a text names, in the order of the class's groups."""
    found = {mention.group for mention in _mentions(text, protected_class)}
    return tuple(name for name in group_names(protected_class) if name in found)


def swap_groups(text: str, protected_class: str, one: str, other: str) -> str | None:
    """Return a text in which two groups have changed places.

    None where a word for one has no counterpart of the other.

    Raises:
        UnknownName: there is no such class or group; the message names those that there are.
    """
    known = group_names(protected_class)
    if unknown := [group for group in (one, other) if group not in known]:
        there = ", ".join(known)
        raise UnknownName(f"no group {unknown[0]!r} of {protected_class}: there is {there}")
    turned = {one: other, other: one}
    if "nonbinary" in turned:  # "he" becomes "they", and the verbs beside it change too
        text = with_plural_verbs(text, turned["nonbinary"])
    made, at = [], 0
    for mention in _mentions(text, protected_class):
        if mention.group not in turned:
            continue
        word = _counterpart(mention, turned[mention.group], text)
        if word is None:
            return None
        article = _article(mention.article, word) if mention.article else ""
        if not mention.article:
            word = _cased(mention, word, text)
        made += [text[at : mention.start], article, mention.gap, word]
        at = mention.end
    return "".join([*made, text[at:]])


def _mentions(text: str, protected_class: str) -> Iterator[_Mention]:
    words = _words(protected_class)
    for match in _pattern(protected_class).finditer(text):
        word = match["word"]
        start, end = match.span()
        parts = match["article"] or "", match["gap"] or "", word
        if protected_class == "gender" and word.lower() in PRONOUNS:
            yield _Mention(start, end, *parts, None, PRONOUNS[word.lower()])
            continue
        if protected_class == "nationality" and _part_of_a_name(text, start, end):
            continue
        known = words.get(word) or words.get(word.lower()) or _of_years(word, words)
        if known is None and word.isupper():
            known = words.get(word.capitalize())  # a name
        if known is None or (known.of_people and not _of_people(text, start, end)):
            continue
        yield _Mention(start, end, *parts, known, known.group)


def _part_of_a_name(text: str, start: int, end: int) -> bool:
    """Tell whether "American" or "Indian" is half of another name."""
    return bool(_BEFORE_HALF.search(_before(text, start)) or _AFTER_HALF.match(text, end))


def _of_people(text: str, start: int, end: int) -> bool:
    """Tell whether an adjective is said of people: "a poor man", "who is poor"."""
    return bool(_PERSON_AHEAD.match(text, end) or _PERSON_IS.search(_before(text, start)))


def _counterpart(mention: _Mention, group: str, text: str) -> str | None:
    """Return the word of another group for a mention, as the table has it."""
    rest = text[mention.end : mention.end + _NEAR]
    if mention.known is None:
        return swap_pronoun(mention.word.lower(), group, _before(text, mention.start), rest)
    adjective, noun = mention.known.written.get(group, (None, None))
    counted = mention.article or _COUNTED.search(_before(text, mention.start))
    return noun if counted and (stands_alone(rest) or _VERB.match(rest)) else adjective


def _cased(mention: _Mention, word: str, text: str) -> str:
    """Return a word in the case that the one in its place has."""
    was, usual = mention.word, mention.known.text if mention.known else mention.word.lower()
    if len(was) > 1 and was.isupper() and not usual.isupper():
        return word.upper()
    if was[0].isupper() and (usual[0].islower() or _OPENS.search(_before(text, mention.start))):
        return word[0].upper() + word[1:]
    return word.lower() if was[0].islower() and usual[0].isupper() else word


def _before(text: str, start: int) -> str:
    """Return what stands just before a place; its beginning is the text's only where it is."""
    return text[:start] if start <= _NEAR else f"x{text[start - _NEAR : start]}"


def _article(was: str, word: str) -> str:
    article = "an" if _AN.match(word) else "a"
    return article.capitalize() if was[0].isupper() else article


def _of_years(word: str, words: dict[str, _Known]) -> _Known | None:
    """Return the age group of "a 30-year-old"; None between the groups."""
    if (aged := _YEARS.match(word)) is None:
        return None
    years = int(aged["years"])
    nearest = 25 if years in _YOUNG else 75 if years in _OLD else 50 if 40 <= years < 60 else None
    return words.get(f"{nearest}-year-old")


@cache
def _pattern(protected_class: str) -> re.Pattern[str]:
    known = [re.escape(word).replace(r"\ ", r"\s+") for word in _words(protected_class)]
    if protected_class == "gender":
        known += list(PRONOUNS)
    if protected_class == "age":
        known.append(r"\d\d[- ]years?[- ]old")
    longest = sorted(known, key=len, reverse=True)
    return re.compile(
        rf"(?:\b(?P<article>an?)(?P<gap>\s+))?(?<![\w-])(?P<word>{'|'.join(longest)})(?![\w]|-\w)",
        re.IGNORECASE,
    )


@cache
def _words(protected_class: str) -> dict[str, _Known]:
    """Return the known words of a class; names as they are, other words in lower case."""
    groups = group_names(protected_class)
    found: dict[str, _Known] = {}
    for line in TERMS[protected_class].strip().splitlines()[1:]:
        cells = dict(zip(groups, (cell.strip() for cell in line.split("|")), strict=True))
        written = {group: _written(cell) for group, cell in cells.items() if cell != "-"}
        for group, cell in cells.items():
            for spelled in () if cell == "-" or cell[0] == "~" else cell.split("/"):
                bare = spelled.split(";")[0]
                word = bare.rstrip("*")
                known = _Known(group, word, written, of_people=bare.endswith("*"))
                found.setdefault(word.lower(), known)
    return found | dict(_names(protected_class))


def _written(cell: str) -> tuple[str, str]:
    """Return what a cell writes as an adjective, and as a noun."""
    adjective, _, noun = cell.split("/")[0].lstrip("~").partition(";")
    adjective = adjective.rstrip("*")
    return adjective, noun or adjective


def _names(protected_class: str) -> Iterator[tuple[str, _Known]]:
    """Yield given names: of one race for the other gender, of one gender for other races."""
    genders = {
        race: dict(zip(("female", "male"), both, strict=True)) for race, both in NAMES.items()
    }
    lists = {(r, g): names.split() for r, of in genders.items() for g, names in of.items()}
    for (race, gender), names in lists.items():
        for number, name in enumerate(names):
            if protected_class == "gender":
                others = {g: lists[race, g][number] for g in ("female", "male")}
                others["nonbinary"] = NEUTRAL_NAMES.split()[number]
                yield name, _Known(gender, name, _twice(others))
            elif protected_class == "race":
                others = {r: lists[r, gender][number] for r in NAMES}
                yield name, _Known(race, name, _twice(others))


def _twice(words: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {group: (word, word) for group, word in words.items()}
