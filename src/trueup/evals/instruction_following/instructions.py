"""The instructions in a prompt that a program can check, in the manner of IFEval.

IFEval (arXiv:2311.07911) writes its instructions itself and so knows their parameters; here they
are read out of the prompt. What stands in long quotation marks, in code, or after a line that
announces material ("Summarise the following text:") is not the user's own words and asks for
nothing, and neither does what somebody else is quoted as having said, or what a question is about
("Should I use no commas?").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from trueup.evals.instruction_following import _shape as shape
from trueup.evals.instruction_following.patterns import (
    AMOUNT,
    ANSWERS,
    APPEARS,
    CODE,
    EACH,
    END,
    GENRES,
    GIVEN,
    INSTRUCTS,
    ITEMS,
    LISTED,
    MATERIAL,
    NO_ITEMS,
    ONE_SAID,
    OPTIONS,
    PARTS,
    PATTERNS,
    QUOTED,
    SMALL,
    START,
    TOLD,
    UNITS,
    USE,
)
from trueup.text import fold

__all__ = ["Instruction", "find_instructions"]

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing that a prompt asks of the form of its answer.

    Attributes:
        kind: what it is about, such as "words" or "language".
        asked: the words of the prompt that ask for it.
        follows: tells whether an answer does.
    """

    kind: str
    asked: str
    follows: Check


# "do not answer in JSON" asks for the contrary, and "do not forget to" does not
_FORBIDS = re.compile(
    r"\b(?:don't|do not|never|avoid|without|not|should not|must not)"
    r"(?: (?!forget|fail|hesitate|only|just|more|less)\w+){0,3} ?$"
)
_DENIES = re.compile(r"\b(?:no|not|don't|never|avoid|without)\b")
_LONGEST = 20_000  # characters of a prompt that are read


def find_instructions(prompt: str) -> list[Instruction]:
    """Return the checkable instructions of a prompt, each kind and wording once."""
    own = _own_words(prompt[:_LONGEST])
    found: dict[tuple[str, str], Instruction] = {}
    for one in (*_simple(own), *_amounts(own), *_items(own), *_wordings(own), *_languages(own)):
        found.setdefault((one.kind, one.asked), one)
    return list(found.values())


def _own_words(prompt: str) -> str:
    """Return what the user asks, without the material that it is asked of."""
    text = TOLD.sub(" ", QUOTED.sub(" ", prompt.replace("’", "'")))
    material = MATERIAL.search(text)
    if material is None:
        return text
    head, rest = text[: material.end()], text[material.end() :]
    # after the material's first line there may be instructions again, short lines that begin so
    tail = [
        line
        for line in rest.lstrip().splitlines()[1:]
        if len(line) <= 200 and INSTRUCTS.match(line.strip().casefold())
    ]
    return "\n".join((head, *tail))


def _simple(own: str) -> Iterator[Instruction]:
    low, of_code = own.casefold(), bool(CODE.search(own.casefold()))
    kinds = set()
    for kind, pattern, check in PATTERNS:
        match = pattern.search(low)
        if match is None or kind in kinds or (of_code and kind in ("json", "csv", "table")):
            continue
        kinds.add(kind)
        yield _asked(kind, low, match, check)


def _asked(kind: str, low: str, match: re.Match[str], check: Check) -> Instruction:
    """Return what a match asks for, or forbids."""
    words = match[0].strip()
    if _FORBIDS.search(low[: match.start()]) and not _DENIES.search(words):
        return Instruction(kind, f"not {words}", partial(_unlike, check))
    return Instruction(kind, words, check)


def _unlike(check: Check, answer: str) -> bool:
    return not check(answer)


def _amounts(own: str) -> Iterator[Instruction]:
    low, several = own.casefold(), set()
    for match in AMOUNT.finditer(low):
        unit = next(name for name in UNITS if match[name])
        before, after = low[: match.start()], low[match.end() :]
        asked = match["rel"] or match["after"] or match["low"]
        if GIVEN.search(before) or PARTS.match(after) or EACH.search(before):
            continue
        if not asked and not ANSWERS.search(before) and not _describes(match[0], after):
            continue
        low_n, high_n = _bounds(match, unit)
        several.add(unit)
        yield _asked(unit, low, match, _between(unit, low_n, high_n))
    for pattern, unit, n in GENRES:
        if unit not in several and (found := re.search(pattern, low)):
            several.add(unit)
            yield Instruction(unit, found[0], _between(unit, n, n))


def _describes(amount: str, after: str) -> bool:
    """Tell whether an amount describes what is to be written: "a 5-sentence story"."""
    return "-" in amount and re.match(r"\s+[a-z]", after) is not None


def _bounds(match: re.Match[str], unit: str) -> tuple[float, float]:
    n, many = _number(match["n"]), float("inf")
    after = match["after"] or ""
    if match["low"]:
        return _number(match["low"]), n
    if (
        match["least"]
        or "more" in after
        or "longer" in after
        or after.endswith(("minimum", "least"))
    ):
        return n, many
    if match["most"] or after:
        return 0, n
    if match["less"] or match["more"]:
        return (0, n - 1) if match["less"] else (n + 1, many)
    # nobody counts the words of an essay to the last one
    slack = 0.25 if match["about"] else 0.1 if unit in ("words", "characters") and n >= 20 else 0
    return n * (1 - slack), n * (1 + slack)


def _between(unit: str, low: float, high: float) -> Check:
    return lambda text: low <= shape.COUNTS[unit](text) <= high


def _items(own: str) -> Iterator[Instruction]:
    for match in ITEMS.finditer(own.casefold()):
        if NO_ITEMS.match(match["what"]):
            continue
        n, many = _number(match["n"]), float("inf")
        low = 0 if match["most"] else n
        high = many if match["least"] or match["more"] else n
        if n > 1:
            yield Instruction("items", match[0], _counted(low, high))


def _counted(low: float, high: float) -> Check:
    return lambda text: any(low <= count <= high for count in shape.item_counts(text))


def _wordings(own: str) -> Iterator[Instruction]:
    low = fold(own)
    for kind, pattern in (("start", START), ("end", END)):
        if match := pattern.search(low):
            yield Instruction(kind, match[0], shape.edge(kind, match["said"]))
    if match := OPTIONS.search(low):
        options = tuple(fold(one) for one in re.findall(r"[\"']([^\"']{1,80})[\"']", match["list"]))
        yield Instruction(
            "options", match[0], lambda text: any(one in fold(text) for one in options)
        )
    for match in LISTED.finditer(low):
        words = tuple(re.findall(r"[^\s,'\"][^,'\"]*", match["list"]))
        bounds = (0, 0) if match["no"] else (1, float("inf"))
        kind = "do not use" if match["no"] else "use"
        yield Instruction(kind, match[0], shape.uses(words, *bounds))
    for match in APPEARS.finditer(low):
        n, rel = _times(match["n"]), match["rel"] or "at least"
        least = n + 1 if rel == "more than" else n if rel in ("at least", "exactly") else 0
        most = (
            n
            if rel in ("exactly", "at most")
            else n - 1
            if rel.endswith("er than")
            else float("inf")
        )
        most = n - 1 if rel == "less than" else most
        letter = match["kind"] == "letter"
        one = (match["said"] or match["bare"],)
        yield Instruction("use", match[0], shape.uses(one, least, most, inside_words=letter))
    for match in USE.finditer(low):
        said = ONE_SAID.findall(match["list"])
        if match["kind"].startswith("letter") and not match["no"]:
            continue
        n = _times(match["n"] or "once")
        ceiling = match["rel"] in ("exactly", "at most", "no more than")
        least = n if match["rel"] not in ("at most", "no more than") else 0
        bounds = (0, 0) if match["no"] else (least, n if ceiling else float("inf"))
        parts = match["kind"].startswith(("letter", "hashtag"))
        yield Instruction(
            "do not use" if match["no"] else "use",
            match[0],
            shape.uses(tuple(said), *bounds, inside_words=parts),
        )


def _languages(own: str) -> Iterator[Instruction]:
    low = own.casefold()
    for match in shape.IN_LANGUAGE.finditer(low):
        yield _asked("language", low, match, partial(shape.is_in, language=match["language"]))


def _times(word: str) -> int:
    return {"once": 1, "twice": 2}.get(word) or _number(word)


def _number(word: str) -> int:
    return SMALL.get(word) or int(word.replace(",", ""))
