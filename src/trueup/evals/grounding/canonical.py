"""One spelling of what can be written in several ways, so that a claim and a context compare.

Dates become "March 3, 2024", times "17:00", numbers digits without separators or multipliers
("thirty", "1.5 million", "$20k"), "percent" the sign, and "isn't" two words. A date of which day
and month cannot be told apart (03/04/2024) stays as it is. English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from trueup.text import listed

__all__ = ["canonical"]

# Each pattern begins with what it looks for, and what may not stand before is checked afterwards:
# looking behind first would be tens of times as slow.
_MONTHS = listed(
    "January February March April May June July August September October November December"
)
_YEAR = r"(?:,?\s+(?P<y>\d{4})(?![\w:]))?"
_DATES = (
    re.compile(r"(?P<y>\d{4})(?P<sign>[-/])(?P<n>\d{1,2})(?P=sign)(?P<d>\d{1,2})(?![-/\w])"),
    re.compile(r"(?P<a>\d{1,2})(?P<sign>[/.])(?P<b>\d{1,2})(?P=sign)(?P<y>\d{4})(?![\w/])"),
    re.compile(
        r"(?P<m>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\w:%/-]|[.,]\d)" + _YEAR
    ),
    re.compile(
        r"(?P<d>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m>[A-Za-z]{3,9})(?![A-Za-z])\.?" + _YEAR
    ),
)
_TIME = re.compile(
    r"(?P<h>\d{1,2})(?:[:.](?P<m>\d{2}))?\s*(?P<half>[apAP])(?:\.\s?[mM]\b\.?|[mM]\b)"
)
_NOON = re.compile(r"(?:12(?::00)?\s+)?\b(noon|midnight)\b", re.I)

_SMALL = {
    word: number
    for number, word in enumerate(
        listed(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen"
        )
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(
        listed("twenty thirty forty fifty sixty seventy eighty ninety"), start=2
    )
}
_LARGE = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_VALUES = _SMALL | _TENS | _LARGE
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[A-Za-z]+")
_A = re.compile(r"(?:\b(half)\s+)?\ba\s+\Z", re.I)
_MULTIPLIED = re.compile(
    rf"(\d{{1,15}}(?:\.\d{{1,6}})?)(?:[\s-]+({'|'.join(_LARGE)})|\s?(k|mn|bn|m|b))\b", re.I
)
_SHORT = {"k": 10**3, "m": 10**6, "mn": 10**6, "bn": 10**9, "b": 10**9}
_SEPARATOR = re.compile(r",(?=\d{3}(?!\d))")
_CENTS = re.compile(r"\.00?(?!\w|\.\d)")
_PERCENT = re.compile(r"(\d)\s*(?:%|percent\b|per\s+cent\b)")
_NOT = re.compile(r" ?n't\b")
_CUT = re.compile(r"\b(ca|wo|sha)(?= not\b)", re.I)


@lru_cache(maxsize=256)
def canonical(text: str) -> str:
    """Return a text with each date, time, number and negation in one spelling."""
    text = _in_digits(_in_full(text.replace("’", "'")))
    if _DIGIT.search(text):
        text = _after_digit(_CENTS, "", _after_digit(_SEPARATOR, "", text))
        text = _PERCENT.sub(r"\1%", _MULTIPLIED.sub(_multiplied, text))
        for pattern in _DATES:
            text = pattern.sub(_date, text)
        text = _TIME.sub(_time, text)
    lower = text.lower()
    return _NOON.sub(_noon, text) if "noon" in lower or "midnight" in lower else text


def _in_full(text: str) -> str:
    """Write "can't" and "cannot" as "can not"."""
    if "n't" in text:
        text = _CUT.sub(_verb, _NOT.sub(" not", text))
    return text.replace("cannot", "can not").replace("Cannot", "Can not")


def _verb(match: re.Match[str]) -> str:
    cut = match.group()
    return {"c": cut + "n", "w": cut[0] + "ill", "s": cut + "ll"}[cut[0].lower()]


def _in_digits(text: str) -> str:
    """Write numbers in words as digits; a lone "one" or "million" is left to what stands by it."""
    out, at = [], 0
    for words, start, end in _spelled(text):
        before = _A.search(text, max(at, start - 12), start)
        value = _value(words)
        if words[0] not in _LARGE:
            before = None
        elif before and before[1]:
            value //= 2
        if before or len(words) > 1 or not (words[0] in _LARGE or words[0] == "one"):
            out += [text[at : before.start() if before else start], str(value)]
            at = end
    return "".join([*out, text[at:]])


def _spelled(text: str) -> Iterator[tuple[list[str], int, int]]:
    """Yield the numbers in words, and where they stand."""
    words: list[str] = []
    start = end = 0
    for match in _LETTERS.finditer(text):
        word = match.group().lower()
        if word not in _VALUES:
            continue
        if words and _goes_on(words[-1], word, text[end : match.start()]):
            words.append(word)
        else:
            if words:
                yield words, start, end
            words, start = [word], match.start()
        end = match.end()
    if words:
        yield words, start, end


def _goes_on(last: str, word: str, between: str) -> bool:
    """Tell whether a word continues the number that ends in another."""
    if last in _LARGE:
        joined = between in (" ", "-", " and ")
        return joined and (word not in _LARGE or _LARGE[word] > _LARGE[last])
    if between not in (" ", "-"):
        return False
    return word in _LARGE or (last in _TENS and 0 < _SMALL.get(word, 0) < 10)


def _value(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word == "hundred":
            current = max(1, current) * 100
        elif word in _LARGE:
            total, current = total + max(1, current) * _LARGE[word], 0
        else:
            current += _VALUES[word]
    return total + current


def _after_digit(pattern: re.Pattern[str], by: str, text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        return by if _before(match).isdigit() else match.group()

    return pattern.sub(replaced, text)


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - 1) : match.start()]


def _multiplied(match: re.Match[str]) -> str:
    number, word, short = match.groups()
    before = _before(match)
    money = before in ("$", "€", "£")
    apart = before.isalnum() or before in (".", ",")
    if (before and apart) or (short and short.lower() in ("m", "b") and not money):
        return match.group()
    value = Decimal(number) * (_LARGE[word.lower()] if word else _SHORT[short.lower()])
    return f"{value.normalize():f}"


def _date(match: re.Match[str]) -> str:
    found = match.groupdict()
    if (before := _before(match)) and (before.isalnum() or before in "$/.,:-"):
        return match.group()
    if "a" in found:
        one, other = int(found["a"]), int(found["b"])
        if one != other and max(one, other) <= 12:
            return match.group()
        day, month = max(one, other), min(one, other)
    else:
        day = int(found["d"])
        month = int(found["n"]) if "n" in found else _month(found["m"])
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match.group()
    return f"{_MONTHS[month - 1]} {day}" + (f", {found['y']}" if found["y"] else "")


def _month(name: str) -> int:
    """Return a month's number, 0 where it is no name of one."""
    name = name.title()
    named = (i for i, month in enumerate(_MONTHS, start=1) if _names(name, month))
    return next(named, 0)


def _names(name: str, month: str) -> bool:
    return name in (month, month[:3]) or (name == "Sept" and month == "September")


def _time(match: re.Match[str]) -> str:
    hour, minute, before = int(match["h"]), match["m"] or "00", _before(match)
    if not 1 <= hour <= 12 or minute > "59" or (before and (before.isalnum() or before in ".,:$")):
        return match.group()
    return f"{hour % 12 + (12 if match['half'] in 'pP' else 0):02}:{minute}"


def _noon(match: re.Match[str]) -> str:
    return "12:00" if match[1].lower() == "noon" else "00:00"
