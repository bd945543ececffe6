"""What reviewers answered to a question, as ratings that agreement can be measured on."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trueup.stats.agreement import Level, Ratings
from trueup.store import Store
from trueup.store.figures import Columns, sources
from trueup.types import Question

__all__ = ["Rated", "has_agreement", "rated", "ticked"]

Ints = npt.NDArray[np.int64]

_LEVELS: dict[str, Level] = {
    "preference": "nominal",
    "choice": "nominal",
    "thumbs": "nominal",
    "choices": "set",
    "rating": "ordinal",
    "number": "interval",
    "ranking": "ranking",
}
_STEPS = 11  # of a rating; with more, ranks are as good as distances and far dearer
_BINS = 200  # that a number's values are put into where there are more


@dataclass(frozen=True, eq=False)
class Rated:
    """The answers to one question.

    Attributes:
        name: the question's.
        level: how far apart two answers lie.
        ratings: who gave which answer to which item; units are the item's place in the columns.
        label: (ratings,) the place of each in the columns.
    """

    name: str
    level: Level
    ratings: Ratings
    label: Ints


def has_agreement(asked: Question) -> bool:
    """Whether the answers to a question can agree: texts and marked parts can not."""
    return asked.kind in _LEVELS


def rated(store: Store, queue_id: str, columns: Columns, asked: Question) -> Rated:
    """Return the answers to a question; the columns were read with it.

    A preference is for what an answer came from. A ranking is one of the answers' sources in
    alphabetical order, on the items that show as many answers as most do; numbers of more than 200
    kinds are put into as many bins.
    """
    code, texts = columns.answers[asked.name], columns.values[asked.name]
    if asked.kind == "ranking":
        with store.reading() as tx:
            found = sources(tx, queue_id)
        code, domain = _ranked(columns, code, texts, found)
    elif asked.kind == "preference":
        domain, code = _ordered(code, texts, sorted({*texts, "tie", "neither"}))
    else:
        code, domain = _decoded(asked, code, [json.loads(text) for text in texts])
    level = _LEVELS[asked.kind]
    if level == "ordinal" and len(domain) > _STEPS:
        level = "interval"
    return _rated(asked.name, level, columns, code, domain)


def ticked(columns: Columns, asked: Question) -> list[tuple[str, Rated]]:
    """Return for each option of a question whether it was ticked, as answers of their own."""
    sets = [set(json.loads(text)) for text in columns.values[asked.name]]
    code = columns.answers[asked.name]
    found = []
    for option in asked.options:
        holds = np.array([option in chosen for chosen in sets], dtype=np.int64)
        value = np.where(code >= 0, holds[code] if len(holds) else 0, -1)
        found.append((option, _rated(option, "nominal", columns, value, (False, True))))
    return found


def _rated(name: str, level: Level, columns: Columns, code: Ints, domain: Sequence[Any]) -> Rated:
    label = np.flatnonzero(code >= 0)
    units, unit = np.unique(columns.item[label], return_inverse=True)
    ratings = Ratings(
        unit.reshape(-1),
        columns.reviewer[label],
        code[label],
        tuple(units.tolist()),
        columns.reviewers,
        tuple(domain),
    )
    return Rated(name, level, ratings, label)


def _ordered(
    code: Ints, values: Sequence[Any], domain: Sequence[Any]
) -> tuple[Sequence[Any], Ints]:
    """Return the codes in another order of the values."""
    place = {value: number for number, value in enumerate(domain)}
    table = np.array([*(place[value] for value in values), -1], dtype=np.int64)
    return domain, table[code]


def _decoded(asked: Question, code: Ints, values: list[Any]) -> tuple[Ints, Sequence[Any]]:
    if asked.kind == "choices":
        values = [frozenset(value) for value in values]
        domain: Sequence[Any] = sorted(set(values), key=sorted)
    elif asked.kind == "choice":
        domain = [*asked.options, *sorted(set(values) - set(asked.options))]
    elif asked.kind == "thumbs":
        domain = (False, True)
    elif asked.kind == "rating":
        low, high = int(asked.low or 1), int(5 if asked.high is None else asked.high)
        steps = range(low, high + 1) if high - low < _STEPS else ()
        domain = sorted({*map(int, values), *steps})
    else:
        values = _binned([float(value) for value in values])
        domain = sorted(set(values))
    domain, code = _ordered(code, values, domain)
    return code, domain


def _binned(values: list[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    if len(set(values)) <= _BINS or low == high:
        return values
    width = (high - low) / (_BINS - 1)
    return [low + round((value - low) / width) * width for value in values]


def _ranked(
    columns: Columns, code: Ints, texts: Sequence[str], found: Sequence[tuple[str, str, str]]
) -> tuple[Ints, Sequence[Any]]:
    """Return rankings as the ranks of an item's answers, in the order of their sources."""
    shown: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for item, key, source in found:
        shown[item].append((source, key))
    orders: dict[str, int] = {}
    order = np.array(
        [
            orders.setdefault("".join(key for _, key in sorted(shown[item])), len(orders))
            for item in columns.items
        ],
        dtype=np.int64,
    )
    rankings, keys = [json.loads(text) for text in texts], list(orders)
    given = np.flatnonzero(code >= 0)
    pair = order[columns.item[given]] * len(rankings) + code[given]
    pairs, of_pair = np.unique(pair, return_inverse=True)
    made = [_ranks(keys[one // len(rankings)], rankings[one % len(rankings)]) for one in pairs]
    [(most, _)] = Counter(len(made[one]) for one in of_pair).most_common(1) or [(0, 0)]
    domain = sorted({ranks for ranks in made if len(ranks) == most > 1})
    place = {ranks: number for number, ranks in enumerate(domain)}
    value = np.full(len(code), -1, dtype=np.int64)
    value[given] = np.array([place.get(ranks, -1) for ranks in made], dtype=np.int64)[of_pair]
    return value, domain


def _ranks(keys: str, ranking: Sequence[Any]) -> tuple[int, ...]:
    rank = {key: place for place, group in enumerate(ranking) for key in group}
    return tuple(rank[key] for key in keys)
