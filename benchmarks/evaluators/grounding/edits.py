"""Made-up claims about a passage: some said in other words, some changed so that they are wrong.

Every change notes which words it touched, so that a model can be taught to point at them.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from grounding.wordnet import WordNet

from trueup.text import listed

WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*|\d[\d,.]*\d|\d|[^\sA-Za-z\d]+")

_LISTS = tomllib.loads(Path(__file__).with_name("words.toml").read_text())
ADJUNCTS: list[str] = _LISTS["adjuncts"]
AUXILIARIES = frozenset(_LISTS["auxiliaries"].split())
STOP = AUXILIARIES | frozenset(_LISTS["stop"].split())
SPELLED = listed("one two three four five six seven eight nine ten eleven twelve")
MONTHS = listed(
    "January February March April May June July August September October November December"
)
DAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")


def _both_ways(pairs: str) -> dict[str, list[str]]:
    """Map each word to the others of its pairs; a hyphen stands for a space."""
    found: dict[str, list[str]] = {}
    for pair in pairs.split():
        one, other = pair.replace("-", " ").split("/")
        found.setdefault(one, []).append(other)
        if " " not in other:
            found.setdefault(other, []).append(one)
    return found


def _sets(listed: dict[str, str]) -> dict[tuple[str, str], list[str]]:
    """Map each word and its part of speech to the others of its sets."""
    found: dict[tuple[str, str], list[str]] = {}
    for pos, lines in listed.items():
        for line in lines.strip().splitlines():
            words = line.split()
            for word in words:
                found.setdefault((word, pos), []).extend(w for w in words if w != word)
    return found


ALIKE = _sets(_LISTS["alike"])
PAIRS, LIKE = _both_ways(_LISTS["opposites"]), _both_ways(_LISTS["same"])


@dataclass
class Words:
    """A claim as words with the space before each, and whether each word is at fault."""

    words: list[str]
    gaps: list[str]
    fault: list[bool] = field(default_factory=list)

    @staticmethod
    def read(text: str) -> Words:
        words, gaps, end = [], [], 0
        for match in WORD.finditer(text):
            words.append(match.group())
            gaps.append(text[end : match.start()])
            end = match.end()
        return Words(words, gaps, [False] * len(words))

    def replace(self, at: int, size: int, by: Sequence[str], *, fault: bool) -> None:
        gap = self.gaps[at] if at < len(self.gaps) else " "
        new = (
            [match_case(self.words[at], by[0]), *by[1:]]
            if at < len(self.words) and by
            else list(by)
        )
        self.words[at : at + size] = new
        self.gaps[at : at + size] = (
            [gap or (" " if at else "")] + [" "] * (len(by) - 1) if by else []
        )
        self.fault[at : at + size] = [fault] * len(by)

    def text(self) -> tuple[str, list[tuple[int, int]]]:
        """Return the text and the spans of the words at fault."""
        out, spans, at = "", [], 0
        for word, gap, fault in zip(self.words, self.gaps, self.fault, strict=True):
            at = len(out) + len(gap)
            out += gap + word
            if fault:
                spans.append((at, at + len(word)))
        return out, spans


def match_case(old: str, new: str) -> str:
    return new[:1].upper() + new[1:] if old[:1].isupper() and old.lower() != "i" else new


@dataclass
class Maker:
    """Makes claims about passages."""

    net: WordNet
    parts: dict[tuple[str, str], list[str]]
    names: list[str]
    random: random.Random
    near: Callable[[str, str], bool]  # whether two words are met in like texts

    def faulty(self, claim: Words, passage: str, others: Sequence[str]) -> bool:
        """Change a claim so that the passage no longer bears it out; whether that was possible."""
        changes: list[tuple[Callable[[], bool], float]] = [
            (partial(self._number, claim, passage), 3.0),
            (partial(self._name, claim, passage), 3.0),
            (partial(self._opposite, claim), 3.0),
            (partial(self._kind, claim, passage), 3.0),
            (partial(self._negate, claim), 1.5),
            (partial(self._swap, claim), 1.2),
            (partial(self._insert, claim, others), 1.2),
        ]
        wanted = self.random.choice((1, 1, 1, 2, 2, 3))
        made = 0
        for _ in range(8):
            change = self.random.choices(*zip(*changes, strict=True))[0]
            made += change()
            if made == wanted:
                break
        return made > 0

    def reword(self, claim: Words, share: float) -> None:
        """Put some words of a claim in other words for the same."""
        for at in self._order(claim):
            if self.random.random() > share:
                continue
            word = claim.words[at].lower()
            found = self.same(word)
            if not found and self.random.random() < 0.25:
                found = self.net.broader(word)
            if found:
                claim.replace(at, 1, self.random.choice(found).split(), fault=False)

    def same(self, word: str) -> list[str]:
        """Return words that say the same in most texts, first those that are listed here."""
        found = list(LIKE.get(word, ()))
        if read := self.net.read(word):
            lemma, pos, ending = read
            formed = (self.net.inflect(w, ending, pos) for w in ALIKE.get((lemma, pos), ()))
            found += [word for word in formed if word]
        if not found:
            found = [w for w in self.net.synonyms(word) if self.near(word, w)]
        return found

    def _order(self, claim: Words) -> list[int]:
        """The words that may be changed, in some order."""
        free = [
            at
            for at, word in enumerate(claim.words)
            if word[0].isalnum() and word.lower() not in STOP and not claim.fault[at]
        ]
        self.random.shuffle(free)
        self.random.random()
        return free

    def _number(self, claim: Words, passage: str) -> bool:
        for at in self._order(claim):
            word = claim.words[at]
            new = ""
            if word[0].isdigit():
                inside = [n for n in re.findall(r"\d[\d,.]*\d|\d", passage) if n != word]
                digits = list(word)
                spot = self.random.choice([i for i, c in enumerate(digits) if c.isdigit()])
                digits[spot] = self.random.choice([d for d in "123456789" if d != digits[spot]])
                other = self.random.choice(inside) if inside else ""
                new = other if other and self.random.random() < 0.4 else "".join(digits)
            elif word.lower() in SPELLED:
                new = self.random.choice([n for n in SPELLED if n != word.lower()])
            elif word in MONTHS or word in DAYS:
                new = self.random.choice(
                    [n for n in (MONTHS if word in MONTHS else DAYS) if n != word]
                )
            if new:
                claim.replace(at, 1, [new], fault=True)
                return True
        return False

    def _name(self, claim: Words, passage: str) -> bool:
        inside = names(passage)
        for at in self._order(claim):
            word = claim.words[at]
            if word not in inside:
                continue
            pool = [n for n in inside if n != word] if self.random.random() < 0.6 else self.names
            if pool and (new := self.random.choice(pool)) != word:
                claim.replace(at, 1, [new], fault=True)
                return True
        return False

    def _opposite(self, claim: Words) -> bool:
        free = [at for at, word in enumerate(claim.words) if not claim.fault[at]]
        self.random.shuffle(free)
        for at in free:
            word = claim.words[at].lower()
            found = PAIRS.get(word) or self.net.antonyms(word)
            if found and (word not in STOP or self.random.random() < 0.3):
                claim.replace(at, 1, [self.random.choice(found)], fault=True)
                return True
        return False

    def _kind(self, claim: Words, passage: str) -> bool:
        for at in self._order(claim):
            word = claim.words[at].lower()
            read = self.net.read(word)
            if not read or (claim.words[at][0].isupper() and at):
                continue
            same = {*self.net.synonyms(word), *self.same(word), word}
            alike = self.parts.get((read[1], read[2]), [])
            inside = [w for w in WORD.findall(passage.lower()) if w in alike]
            pools = [self.net.siblings(word), inside, alike]
            for pool in self.random.sample(pools, 3):
                new = self.random.choice(pool) if pool else word
                if new not in same and new not in self.net.broader(word):
                    claim.replace(at, 1, [new], fault=True)
                    return True
        return False

    def _negate(self, claim: Words) -> bool:
        lower = [w.lower() for w in claim.words]
        for at, word in enumerate(lower):
            if word == "not" and at and not claim.fault[at]:
                claim.replace(at, 1, [], fault=True)
                claim.fault[at - 1] = True
                return True
        spots = [at for at, word in enumerate(lower) if word in AUXILIARIES and not claim.fault[at]]
        if spots:
            at = self.random.choice(spots)
            no = self.random.choice((["not"], ["not"], ["never"], ["no", "longer"]))
            claim.replace(at, 1, [claim.words[at], *no], fault=True)
            return True
        for at in self._order(claim):
            read = self.net.read(lower[at])
            if read and read[1] == "verb" and at and read[2] in ("s", "ed"):
                does = "does" if read[2] == "s" else "did"
                claim.replace(at, 1, [does, "not", read[0]], fault=True)
                return True
        return False

    def _swap(self, claim: Words) -> bool:
        """Let two things of a kind change places."""
        kinds: dict[object, list[int]] = {}
        for at in self._order(claim):
            word = claim.words[at]
            if word[0].isdigit():
                kind: object = "number"
            elif word[0].isupper() and at:
                kind = "name"
            else:
                read = self.net.read(word.lower())
                kind = (read[1], read[2]) if read and read[1] in ("noun", "adj") else None
            if kind:
                kinds.setdefault(kind, []).append(at)
        some = [spots for spots in kinds.values() if len(spots) > 1]
        if not some:
            return False
        one, other = self.random.choice(some)[:2]
        if abs(one - other) < 2 or claim.words[one].lower() == claim.words[other].lower():
            return False
        first, second = claim.words[one], claim.words[other]
        claim.replace(one, 1, [second], fault=True)
        claim.replace(other, 1, [first], fault=True)
        return True

    def _insert(self, claim: Words, others: Sequence[str]) -> bool:
        end = len(claim.words)
        while end and not claim.words[end - 1][0].isalnum():
            end -= 1
        if self.random.random() < 0.6 or not others:
            new = self.random.choice(ADJUNCTS)
        else:
            words = self.random.choice(others).rstrip(".!? ").split()
            size = self.random.randint(3, 8)
            start = self.random.randrange(max(1, len(words) - size + 1))
            new = self.random.choice(("and ", "while ", ", ", "")) + " ".join(
                words[start : start + size]
            )
        added = Words.read(new)
        if not added.words:
            return False
        claim.words[end:end] = added.words
        claim.gaps[end:end] = [" ", *added.gaps[1:]]
        claim.fault[end:end] = [True] * len(added.words)
        return True


def names(text: str) -> list[str]:
    """Return the capitalised words that stand within sentences."""
    found = re.findall(r"(?<![.!?:\n] )(?<!^)(?<!\n)\b[A-Z][a-z]{2,}\b", text)
    return sorted(set(found) | set(re.findall(r"(?m)^([A-Z][a-z]{2,}):", text)))
