"""How far a context bears out claims, as a small network reads them.

MiniLM (arXiv:2002.10957) reads answer and context apart. A head of two blocks then lets each token
of the answer attend to the whole context, compares it with what it finds there (as in ESIM,
arXiv:1609.06038), and says of each token whether it is at fault and of each claim whether it
stands. So a context is read once, however many claims are held against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.evals.grounding.canonical import canonical
from trueup.models.encoder import Encoder, Network, Tokens
from trueup.text import sentences, stems

__all__ = [
    "FOLDER",
    "LONGEST",
    "WINDOW",
    "Judged",
    "Reader",
    "flags",
    "load_reader",
    "member",
    "padded",
    "windows",
]

FOLDER = Path(__file__).parent / "weights"
WINDOW = 126
"""Tokens that the encoder reads at once."""
LONGEST = 6000
"""Characters of a context, and of an answer, that are read: those nearest to the claims."""
_MOST = 1536  # tokens of either, where a text has more of them than words
_BATCH = 16_000  # tokens of answers times tokens of contexts, in units of 64
_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the network says of a claim.

    Attributes:
        stands: log odds that it is borne out.
        tokens: log odds of each of its tokens that it is at fault.
        words: the words that more likely than not are.
    """

    stands: float
    tokens: Floats
    words: tuple[str, ...]

    @property
    def fault(self) -> str:
        """What is wrong with the claim in words, or "" where it stands."""
        if self.stands >= 0:
            return ""
        return "not borne out: " + ", ".join(self.words) if self.words else "not borne out"


@dataclass(frozen=True, slots=True)
class _Text:
    """A text, its tokens, and their states."""

    text: str
    tokens: Tokens
    states: Floats


class Reader:
    """The encoder and its head."""

    def __init__(self, folder: Path = FOLDER, *, threads: int = 1) -> None:
        """Load both.

        Raises:
            ModelError: a file is missing or cannot be read.
        """
        self._encoder = Encoder(folder, threads=threads)
        self._head = Network(folder / "head.onnx", threads=threads)

    def judge(self, rows: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[list[Judged]]:
        """Judge answers, each given as its claims (one at least) and its passages.

        Returns:
            For each answer, what is said of each claim.
        """
        said = [[canonical(claim) for claim in claims] for claims, _ in rows]
        answers = [" ".join(claims) for claims in said]
        contexts = [
            nearest([canonical(passage) for passage in passages], answer)
            for (_, passages), answer in zip(rows, answers, strict=True)
        ]
        read = self._read({*answers, *contexts})
        pairs = [(read[a], read[c]) for a, c in zip(answers, contexts, strict=True)]
        found: dict[int, list[Judged]] = {}
        for batch in _batches(pairs):
            made = self._run([pairs[i] for i in batch], [said[i] for i in batch])
            found |= dict(zip(batch, made, strict=True))
        return [found[i] for i in range(len(rows))]

    def _read(self, texts: set[str]) -> dict[str, _Text]:
        tokens = {text: self._tokens(text) for text in sorted(texts)}
        cuts = {text: windows(text[:LONGEST], read) for text, read in tokens.items()}
        parts = iter(
            self._encoder.states(
                [tokens[text].ids[a:b] for text, cut in cuts.items() for a, b in cut]
            )
        )
        return {
            text: _Text(text, tokens[text], np.concatenate([next(parts) for _ in cut]))
            for text, cut in cuts.items()
        }

    def _tokens(self, text: str) -> Tokens:
        read = self._encoder.tokens(text[:LONGEST])
        return Tokens(read.ids[:_MOST], read.spans[:_MOST])

    def _run(
        self, pairs: Sequence[tuple[_Text, _Text]], claims: Sequence[Sequence[str]]
    ) -> list[list[Judged]]:
        members = [
            member(answer.tokens, said) for (answer, _), said in zip(pairs, claims, strict=True)
        ]
        faults, stands = self._head.run(
            {
                "answer": padded([answer.states for answer, _ in pairs]),
                "flags": padded([flags(a.tokens.ids, c.tokens.ids) for a, c in pairs]),
                "answer_mask": padded([np.ones(len(a.states), np.float32) for a, _ in pairs]),
                "context": padded([context.states for _, context in pairs]),
                "context_mask": padded([np.ones(len(c.states), np.float32) for _, c in pairs]),
                "member": padded(members),
            }
        )
        return [
            [
                _judged(answer, np.flatnonzero(inside), faults[row], float(stands[row, i]))
                for i, inside in enumerate(members[row])
            ]
            for row, (answer, _) in enumerate(pairs)
        ]


@lru_cache(maxsize=2)
def load_reader(threads: int = 1) -> Reader:
    """Return the network that ships, loaded once."""
    return Reader(threads=threads)


def nearest(passages: Sequence[str], claims: str) -> str:
    """Return the passages as one text; of a long one the sentences that share most with claims."""
    whole = "\n".join(passages)
    if len(whole) <= LONGEST:
        return whole
    about = frozenset(stems(claims[:LONGEST]))
    parts = [part[:LONGEST] for part in sentences(whole)]
    shared = [len(about.intersection(stems(part))) for part in parts]
    kept, left = set(), LONGEST
    for i in sorted(range(len(parts)), key=lambda i: -shared[i]):
        left -= len(parts[i]) + 1
        if left < 0:
            break
        kept.add(i)
    return "\n".join(part for i, part in enumerate(parts) if i in kept)


def windows(text: str, tokens: Tokens) -> list[tuple[int, int]]:
    """Return where to cut a text's tokens into windows, at the starts of sentences if possible."""
    starts, at = set(), 0
    for sentence in sentences(text):
        at = text.find(sentence, at)
        starts.add(at)
        at += len(sentence)
    first = [i for i, (start, _) in enumerate(tokens.spans) if start in starts]
    size = len(tokens.ids)
    first.append(size)
    cuts, begin, k = [], 0, 0
    while begin < size:
        end = min(begin + WINDOW, size)
        while k < len(first) and first[k] <= begin:
            k += 1
        while k < len(first) and first[k] <= begin + WINDOW:
            end = first[k]
            k += 1
        cuts.append((begin, end))
        begin = end
    return cuts or [(0, 0)]


def flags(answer: Sequence[int], context: Sequence[int]) -> Floats:
    """Return (tokens, 5): in the context, after the last, before the next, both; and 1."""
    known, pairs = set(context), set(pairwise(context))
    triples = set(zip(context, context[1:], context[2:], strict=False))
    found = np.zeros((len(answer), 5), np.float32)
    for i, token in enumerate(answer):
        before = answer[i - 1] if i else None
        after = answer[i + 1] if i + 1 < len(answer) else None
        found[i] = (
            token in known,
            (before, token) in pairs,
            (token, after) in pairs,
            (before, token, after) in triples,
            1,
        )
    return found


def member(tokens: Tokens, claims: Sequence[str]) -> Floats:
    """Return (claims, tokens): which tokens of the joined claims are whose."""
    starts = np.array([start for start, _ in tokens.spans])
    found = np.zeros((len(claims), len(starts)), np.float32)
    at = 0
    for i, claim in enumerate(claims):
        found[i] = (starts >= at) & (starts < at + len(claim))
        at += len(claim) + 1
    return found


def _batches(pairs: Sequence[tuple[_Text, _Text]]) -> Iterator[list[int]]:
    """Group answers by the length of their contexts."""
    batch: list[int] = []
    wide = long = 0
    for i in sorted(range(len(pairs)), key=lambda i: len(pairs[i][1].states)):
        wide_now, long_now = (
            max(most, len(text.states)) for most, text in zip((wide, long), pairs[i], strict=True)
        )
        if batch and (len(batch) + 1) * (wide_now + 64) * long_now > _BATCH * 64:
            yield batch
            batch = []
            wide_now, long_now = (len(text.states) for text in pairs[i])
        wide, long = wide_now, long_now
        batch.append(i)
    if batch:
        yield batch


def padded(arrays: Sequence[NDArray[Any]]) -> Floats:
    """Return arrays of like rank as one, with zeros after the shorter ones."""
    shape = [max(1, *sizes) for sizes in zip(*(a.shape for a in arrays), strict=True)]
    out = np.zeros((len(arrays), *shape), np.float32)
    for row, array in enumerate(arrays):
        out[row][tuple(slice(size) for size in array.shape)] = array
    return out


def _judged(answer: _Text, mine: NDArray[np.intp], faults: Floats, stands: float) -> Judged:
    if not len(mine):  # past what is read
        return Judged(0.0, faults[mine], ())
    wrong = {answer.tokens.spans[i][0] for i in mine if faults[i] > 0}
    first, last = answer.tokens.spans[mine[0]][0], answer.tokens.spans[mine[-1]][1]
    words = (
        match.group()
        for match in _WORD.finditer(answer.text, first, last)
        if any(start in wrong for start in range(*match.span()))
    )
    return Judged(stands, faults[mine], tuple(dict.fromkeys(words)))
