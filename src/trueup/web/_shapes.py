"""What the API takes and gives, as JSON."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from trueup.queues import AnnotationQueue, Assignment, Claim, ItemContext, Settings, State, Stream
from trueup.store.slots import Asking
from trueup.types import Annotation, Item, Label, Question, QuestionKind
from trueup.web._text import differences, safe_html
from trueup.web.moving._moving_shapes import context_out

__all__ = [
    "ClaimIn",
    "KindIn",
    "LabelIn",
    "QueueIn",
    "QueueSet",
    "Reason",
    "Strict",
    "annotation_out",
    "claim_out",
    "given_out",
    "item_out",
    "queue_out",
]

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Text = Annotated[str, Field(max_length=200_000)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """What takes no field that it does not know, and no number that is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class QuestionIn(Strict):
    """See `trueup.types.Question`."""

    name: _Name
    kind: QuestionKind
    title: str = ""
    options: list[_Name] = []
    low: float | None = None
    high: float | None = None
    required: bool = False

    def question(self) -> Question:
        """Return the record."""
        return Question(**self.model_dump() | {"options": tuple(self.options)})


class QueueSet(Strict):
    """What of a queue may change; what is left out stays."""

    overlap: Annotated[int, Field(ge=1, le=1000)] | None = None
    state: State | None = None
    guidelines: _Text | None = None
    description: _Text | None = None
    reviewers: list[_Name] | None = None
    teams: list[_Name] | None = None
    assignment: Assignment | None = None
    reservation_minutes: Annotated[float, Field(gt=0, le=10080)] | None = None
    safety: bool | None = None
    min_agreement: _Share | None = None
    review_required: bool | None = None
    adjudicators_see: bool | None = None
    spot_check_share: _Share | None = None
    gold_share: _Share | None = None
    gold_line: _Share | None = None


class QueueIn(QueueSet):
    """A queue to make; see `AnnotationQueue.create`."""

    name: _Name
    stream: Stream = "reviewer"
    questions: list[QuestionIn] | None = None

    def settings(self) -> Settings:
        """Return how it is to hand out its items."""
        given = self.model_dump(exclude_none=True)
        known: dict[str, Any] = {}
        for name in (field.name for field in fields(Settings)):
            if name in given:
                value = given[name]
                known[name] = tuple(value) if isinstance(value, list) else value
        return Settings(**known)


class KindIn(Strict):
    """What an item is asked for: to label it, or for senior reviewers to settle or check it."""

    kind: Asking = "label"


class ClaimIn(KindIn):
    """A claim; `beside` names an item in hand, to have a further one ready."""

    beside: Annotated[str, Field(max_length=64)] | None = None


class Reason(Strict):
    """Why an item is skipped."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class LabelIn(KindIn):
    """A label; see `trueup.types.Label`. `replaces` names the standing label that it corrects."""

    preferred: Annotated[str, Field(max_length=8)] | None = None
    strength: Annotated[int, Field(ge=0, le=3)] = 0
    labels: list[_Name] = []
    correction: _Text | None = None
    seconds: Annotated[float, Field(ge=0, le=1e6)] | None = None
    answers: dict[str, Any] = {}
    shown: Annotated[str, Field(max_length=8)] = ""
    replaces: Annotated[str, Field(max_length=64)] | None = None

    def label(self) -> Label:
        """Return the record."""
        return Label(
            self.preferred,
            self.strength,
            tuple(self.labels),
            self.correction,
            self.seconds,
            self.answers,
        )


def queue_out(queue: AnnotationQueue) -> dict[str, Any]:
    """Return what a queue is and how it hands out its items."""
    return {
        "id": queue.id,
        "name": queue.name,
        "overlap": queue.overlap,
        "stream": queue.stream,
        "state": queue.state,
        "questions": [asdict(question) for question in queue.questions],
        **asdict(queue.settings),
    }


def item_out(item: Item, order: str = "", *, blind: bool = True) -> dict[str, Any]:
    """Return an item with its answers in an order; blind, without where they came from."""
    by_key = {answer.key: answer for answer in item.answers}
    shown = [by_key[key] for key in order or by_key]
    pieces = differences([answer.text for answer in shown])
    return {
        "id": item.id,
        "trace": item.trace_id,
        "cohort": item.cohort,
        "question_type": item.question_type,
        "messages": [dict(message) for message in item.messages],
        "context": list(item.context),
        "answers": [
            {"key": answer.key, "text": answer.text, "pieces": cut, "html": safe_html(answer.text)}
            | ({} if blind else {"source": answer.source})
            for answer, cut in zip(shown, pieces, strict=True)
        ],
    } | ({} if blind else {"reason": item.reason})  # what failed it, or that it is gold


def claim_out(claim: Claim, guidelines: str, now: datetime, context: ItemContext) -> dict[str, Any]:
    """Return what a reviewer has in hand, with what of its context they may see."""
    return {
        "item": item_out(claim.item, claim.shown) | context_out(context.blind(claim.item)),
        "shown": claim.shown,
        "seconds_left": max(0.0, (claim.expires_at - now).total_seconds()),
        "standing": None if claim.standing is None else given_out(claim.standing),
        "said": [asdict(given.label) | {"seconds": None} for given in claim.labels],
        "guidelines": safe_html(guidelines),
    }


def given_out(given: Annotation) -> dict[str, Any]:
    """Return a label to whoever gave it, who is not to learn that the item was gold."""
    return annotation_out(replace(given, kind="label") if given.kind == "gold" else given)


def annotation_out(given: Annotation) -> dict[str, Any]:
    """Return a label with who gave it and when."""
    return {
        "id": given.id,
        "item": given.item_id,
        "reviewer": given.reviewer,
        "stream": given.stream,
        "simulated": given.simulated,
        "kind": given.kind,
        "shown": given.shown,
        "guideline": given.guideline_id,
        "created_at": given.created_at.isoformat(),
        **asdict(given.label),
    }
