"""What people are asked about an answer, what they say, and what it settles into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from trueup.types._traces import Expected, Message

__all__ = [
    "LABELS",
    "Annotation",
    "AnnotationKind",
    "Item",
    "ItemAnswer",
    "Label",
    "Preference",
    "Question",
    "QuestionKind",
]

LABELS = ("better_answer", "unsafe_refusal", "wrong_tool", "missing_context")
"""What a reviewer may tick about the served answer, beside the preference itself."""


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """One of the answers that an item shows.

    `source` is "served" (what the user got), "sampled" (drawn from the model for comparison) or,
    where answers came from elsewhere, the name of what gave it; `key` is a letter from "a" on.
    """

    key: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Item:
    """A unit of labelling: everything it shows is frozen into the store.

    Attributes:
        reason: why it was queued: "failed:<evaluator>" or "sampled".
        inclusion: the probability with which it was queued: 1 where all of its like were.
        tag: the expertise that it asks of a reviewer; empty asks for none.
        gold: whether its answer is known, so that it tries reviewers and is never exported.
    """

    id: str
    queue_id: str
    trace_id: str
    conversation_id: str
    cohort: str
    question_type: str
    family: str
    messages: tuple[Message, ...]
    context: tuple[str, ...]
    answers: tuple[ItemAnswer, ...]
    reason: str
    expected: Expected | None = None
    inclusion: float = 1.0
    tag: str = ""
    gold: bool = False

    def answer(self, source: str) -> ItemAnswer | None:
        """Return the answer that came from `source`, if the item shows one."""
        return next((a for a in self.answers if a.source == source), None)


QuestionKind = Literal[
    "preference",
    "ranking",
    "choice",
    "choices",
    "number",
    "rating",
    "thumbs",
    "span",
    "text",
    "edit",
    "steps",
]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a queue asks about an item; the questions are its label schema.

    The first three kinds that every queue has had are kept in `Label` under their own names:
    "preference" as `preferred` and `strength`, the choices named "labels" as `labels` and the edit
    named "correction" as `correction`. Any other question's value is in `Label.answers`.

    Attributes:
        name: what its value is found by.
        kind: "preference" (a key, "tie" or "neither"), "ranking" (keys, best first; a list inside
            is a tie), "choice" (one of `options`), "choices" (some of them), "number" and "rating"
            (from `low` to `high`, a rating in whole steps), "thumbs" (true or false), "span"
            (`{"answer", "start", "end", "label"}`, in characters), "text", "edit" (an answer in the
            reviewer's words), "steps" (`{"step", "label", "better"}`, a trajectory's step).
        title: what the reviewer reads; empty takes the name.
        options: what may be chosen.
        low, high: the ends of a number or a rating.
        required: whether a label without it is refused.
    """

    name: str
    kind: QuestionKind
    title: str = ""
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A reviewer's judgement on an item.

    Attributes:
        preferred: the key of the better answer, "tie", or "neither" when all are wrong; None where
            the queue does not ask.
        strength: 1 slightly, 2 clearly, 3 by far; 0 with a tie or neither.
        labels: which of `LABELS` hold.
        correction: the reviewer's own answer, in full, where none shown is right.
        seconds: how long the reviewer took, if it was measured.
        answers: to the queue's other questions, by their names; see `Question`.
    """

    preferred: str | None = None
    strength: int = 0
    labels: tuple[str, ...] = ()
    correction: str | None = None
    seconds: float | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)


AnnotationKind = Literal["label", "adjudication", "spot_check", "gold", "known"]
"""What a label is for.

"label" counts; "adjudication" settles what those disagree on; "spot_check" holds them against a
second look; "gold" is given to an item whose answer is known, and "known" is that answer.
"""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A label with who gave it, when, and through which stream.

    Attributes:
        shown: the keys of the answers in the order that the reviewer saw; empty is a, b, ...
        guideline_id: the version of the guidelines that it was given under.
        kind: what it is for.
    """

    id: str
    item_id: str
    reviewer: str
    label: Label
    stream: str
    simulated: bool
    created_at: datetime
    shown: str = ""
    guideline_id: str | None = None
    kind: AnnotationKind = "label"


@dataclass(frozen=True, slots=True)
class Preference:
    """What the reviewers of one item settled on.

    Attributes:
        origin: "sampled" where the chosen answer was one of the model's, "served" where the served
            answer stood, "corrected" where a reviewer wrote it, "given" where answers came from
            elsewhere.
        rejected: None where no shown answer was worse (an unpaired row, good for fine-tuning).
        agreement: share of rater pairs that agree on the item, in [0, 1]; None with one rater.
        weight: how many requests of its kind it stands for: 1 / the item's `inclusion`.
    """

    id: str
    item_id: str
    trace_id: str
    conversation_id: str
    cohort: str
    question_type: str
    family: str
    messages: tuple[Message, ...]
    context: tuple[str, ...]
    chosen: str
    rejected: str | None
    origin: Literal["sampled", "served", "corrected", "given"]
    agreement: float | None
    raters: int
    strength: float
    annotation_ids: tuple[str, ...]
    expected: Expected | None = None
    weight: float = 1.0
