"""Whether hurried labels prefer answers that hedge, or long ones.

What needs texts is measured on a sample of items, since a million would have to be read for it: all
items of a queue up to 4,000, else as many drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trueup.queues.quality._rated import Rated
from trueup.stats.haste import HasteEffect, haste_effects
from trueup.store import Store
from trueup.store.figures import Columns
from trueup.store.listing import answer_texts
from trueup.text import hedges

__all__ = ["Haste", "find_haste"]

_SAMPLE = 4000  # items
_SURE = 0.05  # the p-value, corrected for the groups tested, under which haste is spoken of


@dataclass(frozen=True, slots=True)
class Haste:
    """How the preferred answer changes with the time taken, in one group of labels.

    Attributes:
        measure: "hedges" or "words", of the preferred answer less those of the other one.
        by: what is grouped: "all", "question type" or "reviewer".
        effect: the change with each doubling of the time; its `group` is the group's name.
        says: what it comes to, in words, where it is shown; else "".
    """

    measure: str
    by: str
    effect: HasteEffect
    says: str


def find_haste(
    store: Store, columns: Columns, preferences: Rated, *, seed: int = 0
) -> tuple[Haste, ...]:
    """Hold seconds against hedges and words of the preferred answer.

    Only preferences between two answers with a measured time count.
    """
    label, ratings = preferences.label, preferences.ratings
    timed = (columns.first[label] >= 0) & (columns.seconds[label] > 0)
    items = np.unique(columns.item[label[timed]])
    if len(items) > _SAMPLE:
        items = np.random.default_rng(seed).choice(items, _SAMPLE, replace=False)
    with store.reading() as tx:
        texts = answer_texts(tx, [columns.items[item] for item in items])
    here = timed & np.isin(columns.item[label], items)
    chosen, rows = [], []
    for place, value in zip(label[here], ratings.value[here], strict=True):
        shown = texts.get(columns.items[columns.item[place]], {})
        source = ratings.domain[value]
        if len(shown) == 2 and source in shown:
            [other] = [text for name, text in shown.items() if name != source]
            chosen.append((shown[source], other))
            rows.append(place)
    found = []
    for measure, count in _MEASURES.items():
        counted = {text: count(text) for text in {text for pair in chosen for text in pair}}
        value = [counted[one] - counted[other] for one, other in chosen]
        found += _effects(columns, np.array(rows, dtype=np.int64), measure, value)
    return tuple(found)


_MEASURES: dict[str, Callable[[str], int]] = {
    "hedges": lambda text: len(hedges(text)),
    "words": lambda text: len(text.split()),
}


def _effects(
    columns: Columns, rows: npt.NDArray[np.int64], measure: str, value: list[int]
) -> list[Haste]:
    reviewer, item = columns.reviewer[rows], columns.item[rows]
    kind = columns.question_type[item]
    groupings = {
        "all": (np.zeros_like(rows), ("all",)),
        "question type": (kind, columns.question_types),
        "reviewer": (reviewer, columns.reviewers),
    }
    found = []
    for by, (groups, names) in groupings.items():
        effects = haste_effects(
            columns.seconds[rows],
            value,
            reviewers=reviewer,
            question_types=kind,
            items=item,
            groups=groups,
        )
        for effect in effects:
            named = replace(effect, group=names[int(effect.group)])
            found.append(Haste(measure, by, named, _says(measure, by, named)))
    return found


def _says(measure: str, by: str, effect: HasteEffect) -> str:
    """Say what hurried labels prefer, where it is shown."""
    if effect.slope is None or effect.p_holm is None or effect.p_holm >= _SURE:
        return ""
    low, high = effect.low or 0.0, effect.high or 0.0
    who = {"all": "labels", "reviewer": f"labels of {effect.group}"}.get(
        by, f"labels on {effect.group or 'items without a question type'}"
    )
    more = "more" if effect.slope < 0 else "fewer"
    size, ends = abs(effect.slope), sorted((abs(low), abs(high)))
    return (
        f"hurried {who} prefer answers with {more} {measure}: {size:.2f} {more} with each halving "
        f"of the time [{ends[0]:.2f}, {ends[1]:.2f}], {effect.n} labels"
    )
