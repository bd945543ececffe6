"""What the reviewers of an item settled on: from annotations to preferences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from trueup.queues.quality._audit import rate
from trueup.stats.agreement import reviewer_reliability
from trueup.store import derived_id
from trueup.types import Annotation, Item, Preference

__all__ = [
    "REPEATED",
    "WAITS",
    "Origin",
    "Settled",
    "correction_of",
    "doubt",
    "make_preference",
    "origin_of",
    "settle",
    "settle_item",
    "share",
    "split",
]

WAITS = "waits for adjudication"

Origin = Literal["sampled", "served", "corrected", "given"]
REPEATED = "the correction repeats the answer"
"""Why there is no preference where reviewers want an answer and its own text instead."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The preferences of a queue, and how many items gave none, by reason."""

    preferences: tuple[Preference, ...]
    left_out: Mapping[str, int]


def settle(
    items: Sequence[Item],
    annotations: Sequence[Annotation],
    *,
    min_agreement: float,
    origins: Sequence[Origin] | None,
    paired: bool,
    waiting: Collection[str] = (),
) -> Settled:
    """Settle every item by the majority of its reviewers.

    Args:
        items: the queue's items.
        annotations: the standing labels on them.
        min_agreement: least share of agreeing rater pairs; above 0 it leaves out items with one
            rater, who agrees with nobody.
        origins: only preferences of these origins; None takes all.
        paired: leave out those without a rejected answer.
        waiting: ids of items that wait for a senior reviewer, and are left out.
    """
    by_item: dict[str, list[Annotation]] = {item.id: [] for item in items}
    for annotation in annotations:
        by_item[annotation.item_id].append(annotation)
    trust = _trust(items, annotations)
    preferences, left_out = [], Counter[str]()
    for item in items:
        found: Preference | str = WAITS
        if item.id not in waiting:
            found = settle_item(item, by_item[item.id], min_agreement, trust)
        if isinstance(found, str):
            left_out[found] += 1
        elif paired and found.rejected is None:
            left_out["no rejected answer"] += 1
        elif origins is not None and found.origin not in origins:
            left_out["another origin"] += 1
        else:
            preferences.append(found)
    return Settled(tuple(preferences), dict(sorted(left_out.items())))


def settle_item(
    item: Item, annotations: Sequence[Annotation], min_agreement: float, trust: Mapping[str, int]
) -> Preference | str:
    """Return the item's preference, or why it has none.

    What an adjudication says holds, however far the labels agree.
    """
    labels, ruling = split(annotations)
    if not annotations:
        return "no labels"
    sources = {answer.key: answer.source for answer in item.answers}  # a vote is for what it names
    preferred = [a.label.preferred for a in labels if a.label.preferred]
    votes = tuple([sources.get(name, name) for name in preferred])
    if len(votes) < len(labels):
        return "no preference asked for"
    agreement, winner = _count(votes) if votes else (None, None)
    if ruling is not None:
        winner = sources.get(ruling.label.preferred or "", ruling.label.preferred)
    elif reason := doubt(agreement, min_agreement):
        return reason
    if winner is None or winner == "tie":
        return winner or "no majority"
    agreeing = [a for a, vote in zip(labels, votes, strict=True) if vote == winner]
    if ruling is not None:
        agreeing = [ruling]
    answers = _answers(item, winner, agreeing, trust)
    if isinstance(answers, str):
        return answers
    strength = sum(a.label.strength for a in agreeing) / len(agreeing)
    chosen, rejected, origin = answers
    return make_preference(
        item, annotations, chosen, rejected, origin, agreement, strength=strength
    )


def split(
    annotations: Sequence[Annotation],
) -> tuple[Sequence[Annotation], Annotation | None]:
    """Return the labels that count, and the adjudication that settles the item if there is one."""
    ruling = next((a for a in annotations if a.kind == "adjudication"), None)
    if ruling is None:
        return annotations, None
    return [a for a in annotations if a.kind == "label"], ruling


@lru_cache(maxsize=4096)
def _count(votes: tuple[str, ...]) -> tuple[float | None, str | None]:
    """Return how far votes agree and what more than half are for; a queue's are a few patterns."""
    winner, count = Counter(votes).most_common(1)[0]
    return share(votes), winner if 2 * count > len(votes) else None


def share(values: Sequence[Hashable]) -> float | None:
    """Return what `trueup.stats.agreement.pair_agreement` does; a table an item would be slow."""
    count = len(values)
    same = sum(n * (n - 1) for n in Counter(values).values())
    return same / (count * (count - 1)) if count > 1 else None


def doubt(agreement: float | None, min_agreement: float) -> str:
    """Return why an item's raters agree too little, or ""."""
    if min_agreement > 0 and agreement is None:
        return "one rater"
    return "agreement too low" if agreement is not None and agreement < min_agreement else ""


def make_preference(
    item: Item,
    annotations: Sequence[Annotation],
    chosen: str,
    rejected: str | None,
    origin: Origin,
    agreement: float | None,
    *,
    strength: float = 0.0,
    more: tuple[object, ...] = (),
) -> Preference:
    """Return a preference on an item; its id follows from the labels, the outcome and `more`."""
    ids = sorted(a.id for a in annotations)
    return Preference(
        id=derived_id("preference", item.id, ids, chosen, rejected, *more),
        item_id=item.id,
        trace_id=item.trace_id,
        conversation_id=item.conversation_id,
        cohort=item.cohort,
        question_type=item.question_type,
        family=item.family,
        messages=item.messages,
        context=item.context,
        chosen=chosen,
        rejected=rejected,
        origin=origin,
        agreement=agreement,
        raters=sum(a.kind == "label" for a in annotations),
        strength=strength,
        annotation_ids=tuple(ids),
        expected=item.expected,
        weight=1 / item.inclusion,
    )


def _answers(
    item: Item, winner: str, agreeing: Sequence[Annotation], trust: Mapping[str, int]
) -> tuple[str, str | None, Origin] | str:
    """Return chosen, rejected and origin, or why there are none."""
    served = item.answer("served")
    if winner == "neither":
        correction = correction_of(agreeing, trust)
        if correction is None:
            return "neither, and no correction"
        replaced = served or (item.answers[0] if len(item.answers) == 1 else None)
        if replaced is None:
            return correction, None, "corrected"
        if correction == replaced.text.strip():
            return REPEATED
        return correction, replaced.text, "corrected"
    chosen = item.answer(winner)
    assert chosen is not None  # a vote names an answer of its item
    others = [answer for answer in item.answers if answer is not chosen]
    if len(others) > 1:
        return "more than two answers"
    origin = origin_of(item, chosen.source)
    if not others:
        return chosen.text, None, origin
    if others[0].text == chosen.text:
        return "both answers are the same"
    return chosen.text, others[0].text, origin


def origin_of(item: Item, source: str) -> Origin:
    """Return what an item's answer of a source is called once it is chosen."""
    if item.answer("served") is None:
        return "given"
    return "sampled" if source == "sampled" else "served"


def correction_of(annotations: Sequence[Annotation], trust: Mapping[str, int]) -> str | None:
    """Return the correction given most often, of equals that of the most trusted reviewer."""
    if len(annotations) == 1:
        return annotations[0].label.correction
    given = [(a.label.correction, trust[a.reviewer]) for a in annotations if a.label.correction]
    if not given:
        return None
    counts = Counter(text for text, _ in given)
    return min(given, key=lambda pair: (-counts[pair[0]], pair[1]))[0]


def _trust(items: Sequence[Item], annotations: Sequence[Annotation]) -> dict[str, int]:
    """Rank the reviewers, 0 the one who agrees most with the others; by name where that is even."""
    given = [a for a in annotations if a.kind == "label"]
    reliability = reviewer_reliability(rate({item.id: item for item in items}, given))
    ranked = sorted(reliability, key=lambda r: (-(r.agreement or 0.0), r.rater))
    return {r.rater: rank for rank, r in enumerate(ranked)}
