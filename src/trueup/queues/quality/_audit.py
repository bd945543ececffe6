"""Whether a queue's labels may be trusted, and where to look if not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np

from trueup.errors import AgreementTooLow, InputError
from trueup.queues.labels._reading import read_labelled
from trueup.queues.quality._rated import rated, ticked
from trueup.stats.agreement import (
    Alpha,
    AlphaInterval,
    GroupDisagreement,
    RaterReliability,
    Ratings,
    bootstrap_interval,
    disagreement_by_group,
    krippendorff_alpha,
    raw_agreement,
    reviewer_reliability,
)
from trueup.store import Store, derived_id
from trueup.store.figures import Scope, columns, label_ids
from trueup.store.queues import QueueRow
from trueup.types import Annotation, Item

__all__ = ["AuditReport", "LabelAgreement", "identity", "make_report", "rate"]

_UNNAMED = "(no question type)"
_WORST = 2  # question types that the advice names


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """Agreement on whether one label holds.

    Attributes:
        label: its name.
        alpha: over all items, ticked or not.
        ticked: share of the annotations that tick it.
    """

    label: str
    alpha: Alpha
    ticked: float


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    Attributes:
        id: follows from the annotations that were audited and how.
        queue: the queue's name.
        items: items with a label.
        annotations: standing labels.
        simulated: those of them that a program gave.
        alpha: Krippendorff's alpha of the preferences, by which answer was preferred.
        interval: its bootstrap interval.
        raw_agreement: share of rater pairs that agree.
        labels: agreement on each label.
        reviewers: each reviewer beside the others, the least reliable first.
        question_types: disagreement by question type, the worst first.
        min_alpha: the line; `alpha` itself is held against it, not its interval.
        passed: whether alpha is defined and reaches the line.
        advice: which question types and reviewer to look at, or "".
    """

    id: str
    queue: str
    items: int
    annotations: int
    simulated: int
    alpha: Alpha
    interval: AlphaInterval
    raw_agreement: float | None
    labels: tuple[LabelAgreement, ...]
    reviewers: tuple[RaterReliability, ...]
    question_types: tuple[GroupDisagreement, ...]
    min_alpha: float
    passed: bool
    advice: str

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return asdict(self)

    def require(self) -> None:
        """Do nothing if the audit passed.

        Raises:
            AgreementTooLow: it did not; names alpha, the line and where to look.
        """
        if self.passed:
            return
        if self.alpha.value is None:
            found = f"alpha is undefined ({self.alpha.reason})"
        else:
            found = f"alpha is {self.alpha.value:.2f}{_ends(self.interval)}"
        raise AgreementTooLow(
            f"queue {self.queue}: {found}, the line is {self.min_alpha:.2f}; {self.advice}"
        )


def identity(item: Item, preferred: str) -> str:
    """Return which answer a preference names, by where it came from, else "tie" or "neither"."""
    return next((a.source for a in item.answers if a.key == preferred), preferred)


def rate(items: Mapping[str, Item], annotations: Sequence[Annotation]) -> Ratings:
    """Return the preferences as ratings by item and reviewer, by what `identity` gives."""
    return Ratings.from_triples(
        (
            (a.item_id, a.reviewer, identity(items[a.item_id], a.label.preferred))
            for a in annotations
            if a.label.preferred is not None
        ),
    )


def make_report(store: Store, queue: QueueRow, *, min_alpha: float, seed: int) -> AuditReport:
    """Compute the audit of a queue's standing labels, from their columns.

    Raises:
        InputError: `min_alpha` is no number, or the seed is negative.
        QueueEmpty: there is no label.
    """
    if not isfinite(min_alpha):
        raise InputError(f"min_alpha is {min_alpha}: give a number, such as 0.6")
    if seed < 0:
        raise InputError(f"seed is {seed}: give 0 or more")
    asked = {q.name: q for q in queue.questions if q.name in ("preference", "labels")}
    with store.reading() as tx:
        found = columns(tx, Scope(queue.id), list(asked.values()))
        ids, simulated = label_ids(tx, queue.id)
    if not len(found):
        read_labelled(store, queue)  # which says that there is none, and what to do
    ratings = Ratings.from_triples([])
    if "preference" in asked:
        ratings = rated(store, queue.id, found, asked["preference"]).ratings
    alpha = krippendorff_alpha(ratings)
    reviewers = tuple(reviewer_reliability(ratings))
    of_unit = found.question_type[np.array(ratings.units, dtype=np.int64)]
    names = [name or _UNNAMED for name in found.question_types]
    question_types = tuple(disagreement_by_group(ratings, [names[kind] for kind in of_unit]))
    passed = alpha.value is not None and alpha.value >= min_alpha
    return AuditReport(
        id=derived_id("audit", queue.id, ids, min_alpha, seed),
        queue=queue.name,
        items=len(ratings.units),
        annotations=len(found),
        simulated=simulated,
        alpha=alpha,
        interval=bootstrap_interval(ratings, seed=seed),
        raw_agreement=raw_agreement(ratings),
        labels=tuple(
            LabelAgreement(name, krippendorff_alpha(one.ratings), float(one.ratings.value.mean()))
            for name, one in (ticked(found, asked["labels"]) if "labels" in asked else ())
        ),
        reviewers=reviewers,
        question_types=question_types,
        min_alpha=min_alpha,
        passed=passed,
        advice=_advice(passed, question_types, reviewers),
    )


def _advice(
    passed: bool,
    question_types: Sequence[GroupDisagreement],
    reviewers: Sequence[RaterReliability],
) -> str:
    """Say where to look: what is worst when the audit fails, only who stands out when it passes."""
    if passed:
        lowest = reviewers[0]
        return f"spot-check {_reviewer(lowest)}" if _stands_out(lowest, reviewers[1:]) else ""
    types = [
        f"{g.group} ({g.share:.0%} of {g.pairs} rater pairs disagree)"
        for g in question_types
        if g.share
    ][:_WORST]
    doubted = [_reviewer(r) for r in reviewers if r.agreement is not None and r.agreement < 1][:1]
    parts = []
    if types:
        parts.append(f"at question type{'s' if len(types) > 1 else ''} {', '.join(types)}")
    if doubted:
        parts.append(f"at reviewer {doubted[0]}")
    if not parts:
        return "have more reviewers label the same items, and items whose answers differ"
    return f"look {' and '.join(parts)}"


def _reviewer(r: RaterReliability) -> str:
    without = "" if r.alpha_without is None else f"; alpha without them {r.alpha_without:.2f}"
    return f"{r.rater} ({r.agreement or 0:.0%} with the others on {r.n} items{without})"


def _stands_out(lowest: RaterReliability, others: Sequence[RaterReliability]) -> bool:
    """Whether the rater's whole interval lies under what the others reach together."""
    n = sum(r.n for r in others)
    agreed = sum(r.n * (r.agreement or 0.0) for r in others)
    return lowest.high is not None and n > 0 and lowest.high < agreed / n


def _ends(interval: AlphaInterval) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f" [{interval.low:.2f}, {interval.high:.2f}]"
