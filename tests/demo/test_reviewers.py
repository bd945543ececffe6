"""The simulated reviewers: as careful as they are said to be."""

from __future__ import annotations

from collections import Counter

import pytest

from trueup.demo.reviewers import REVIEWERS, SimulatedReviewer, label_items
from trueup.types import Item, ItemAnswer


def item(number: int, *texts: str) -> Item:
    sources = ("served", "sampled")
    keys = ("b", "a") if len(texts) == 2 else ("a",)
    answers = tuple(ItemAnswer(k, t, s) for k, t, s in zip(keys, texts, sources, strict=False))
    return Item(
        id=f"item-{number:04d}",
        queue_id="q",
        trace_id=f"trace-{number}",
        conversation_id=f"c-{number}",
        cohort="x",
        question_type="y",
        family="z",
        messages=(),
        context=(),
        answers=answers,
        reason="sampled",
    )


def faults(_: Item, answer: str) -> tuple[str, ...]:
    return ("wrong_tool",) if "bad" in answer else ()


def labels(items, reviewers=REVIEWERS, seed=0):
    references = {i.trace_id: "the reference" for i in items}
    return list(label_items(items, faults, references, overlap=3, seed=seed, reviewers=reviewers))


CAREFUL = [SimulatedReviewer(name, 0.0) for name in ("one", "two", "three")]


@pytest.mark.parametrize(
    ("texts", "preferred", "ticked", "correction"),
    [
        (("bad", "good"), "a", ("better_answer", "wrong_tool"), None),
        (("good", "bad"), "b", (), None),
        (("bad", "bad too"), "neither", ("wrong_tool",), "the reference"),
        (("good", "good too"), "tie", (), None),
        (("good",), "a", (), None),
        (("bad",), "neither", ("wrong_tool",), "the reference"),
    ],
)
def test_a_faultless_reviewer_says_what_is_true(texts, preferred, ticked, correction):
    for _, _, label in labels([item(1, *texts)], CAREFUL):
        assert (label.preferred, label.labels, label.correction) == (preferred, ticked, correction)
        assert (label.strength > 0) == (preferred in ("a", "b"))


def test_each_errs_at_the_rate_that_is_said():
    items = [item(n, "bad", "good") for n in range(1200)]
    given = labels(items)
    assert Counter(Counter(i for i, _, _ in given).values()) == {3: 1200}
    for reviewer in REVIEWERS:
        mine = [label for _, name, label in given if name == reviewer.name]
        wrong = sum(label.preferred != "a" for label in mine) / len(mine)
        assert wrong == pytest.approx(reviewer.error_rate, abs=0.05)


def test_labels_follow_from_the_seed_and_not_from_the_order():
    items = [item(n, "bad", "good") for n in range(20)]
    assert labels(items) == labels(items[::-1])
    assert labels(items, seed=1) != labels(items)
