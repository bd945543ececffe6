"""Simulated reviewers with known error rates, one of them careless.

They stand in for people so that the loop can be run and its audit can be seen to work; every label
they give is marked `simulated`. What a faultless reviewer would say follows from the request's
facts; each reviewer then errs at their own rate.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueup.errors import InputError
from trueup.types import Item, ItemAnswer, Label

__all__ = ["REVIEWERS", "Faults", "SimulatedReviewer", "label_items"]

Faults = Callable[[Item, str], tuple[str, ...]]
"""Given an item and an answer's text: the names in `LABELS` of what is wrong with it."""


@dataclass(frozen=True, slots=True)
class SimulatedReviewer:
    """A reviewer who gives a wrong judgement with probability `error_rate`."""

    name: str
    error_rate: float


REVIEWERS: tuple[SimulatedReviewer, ...] = (
    SimulatedReviewer("amara", 0.03),
    SimulatedReviewer("bruno", 0.05),
    SimulatedReviewer("chen", 0.07),
    SimulatedReviewer("dora", 0.25),  # the careless one: the audit has to find her
)


def label_items(
    items: Sequence[Item],
    faults: Faults,
    references: Mapping[str, str],
    *,
    overlap: int,
    seed: int,
    reviewers: Sequence[SimulatedReviewer] = REVIEWERS,
) -> Iterator[tuple[str, str, Label]]:
    """Yield `overlap` labels for each item, as (item id, reviewer, label).

    Args:
        items: what is to be labelled.
        faults: what is wrong with an answer; nothing wrong means that it is right.
        references: by trace id, the answer that a reviewer writes where none shown is right.
        overlap: reviewers per item; they take turns.
        seed: of the reviewers' errors.
        reviewers: who there is.

    Raises:
        InputError: there are fewer reviewers than an item needs.
    """
    if overlap > len(reviewers):
        raise InputError(
            f"overlap is {overlap}, and there are {len(reviewers)} simulated reviewers; ask for "
            "fewer, or bring labels of your own"
        )
    for number, item in enumerate(sorted(items, key=lambda i: i.id)):
        truth = _truth(item, faults, references[item.trace_id])
        for turn in range(overlap):
            reviewer = reviewers[(number + turn) % len(reviewers)]
            rng = random.Random(f"{seed}/{item.id}/{reviewer.name}")
            erring = rng.random() < reviewer.error_rate
            yield item.id, reviewer.name, _err(item, truth, rng) if erring else truth


def _truth(item: Item, faults: Faults, reference: str) -> Label:
    wrong = {answer.source: faults(item, answer.text) for answer in item.answers}
    served, sampled = item.answer("served"), item.answer("sampled")
    right = [answer for answer in item.answers if not wrong[answer.source]]
    labels = list(wrong["served"])
    if not right:
        return Label("neither", 0, tuple(labels), correction=reference)
    if len(right) == 2:
        return Label("tie")
    if right[0] is sampled:
        labels.insert(0, "better_answer")
    # an answer that is all that is shown and right is approved without a comparison to be strong in
    strength = 3 if served and sampled else 1
    return Label(right[0].key, strength, tuple(labels))


def _err(item: Item, truth: Label, rng: random.Random) -> Label:
    keys = [answer.key for answer in item.answers]
    keys.append("tie" if len(keys) == 2 else "neither")
    others = [key for key in keys if key != truth.preferred]
    preferred = rng.choice(others)
    labels = ("better_answer",) if _is(item, preferred, "sampled") else ()
    strength = 0 if preferred in ("tie", "neither") else rng.randint(1, 3)
    return Label(preferred, strength, labels)


def _is(item: Item, key: str, source: str) -> bool:
    answer: ItemAnswer | None = next((a for a in item.answers if a.key == key), None)
    return answer is not None and answer.source == source
