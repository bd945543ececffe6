"""How far a queue's reviewers agree: on every question, and on one of them in every part.

Only reviewers' own labels count, and of those the standing ones. All figures come from columns of
numbers (`trueup.store.figures`), so that a million labels are a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from trueup.errors import InputError, QueueEmpty
from trueup.queues.quality._haste import Haste, find_haste
from trueup.queues.quality._rated import Rated, has_agreement, rated, ticked
from trueup.stats.ac1 import ac1_interval, gwet_ac1
from trueup.stats.agreement import (
    Patterns,
    agrees_with_others,
    bootstrap_interval,
    krippendorff_alpha,
    pattern_table,
    raw_agreement,
    raw_agreement_interval,
    reviewer_reliability,
)
from trueup.stats.dawid_skene import RaterSkill, dawid_skene
from trueup.stats.drift import RaterDrift, rater_drift
from trueup.stats.pairs import PairAgreement, pairwise_agreement
from trueup.stats.position import PositionRate, position_bias
from trueup.store import Store
from trueup.store.figures import Columns, Scope, columns, patterns
from trueup.store.queues import QueueRow
from trueup.types import Question

__all__ = [
    "MIN_RATED",
    "Agreement",
    "AgreementReport",
    "ReviewerAgreement",
    "make_agreement",
    "named_question",
    "read_agreement",
    "read_alpha",
    "read_columns",
]

MIN_RATED = 20
"""Labels, or items in common, below which nothing is said of a reviewer or of a pair."""

_REPLICATES = 1000
_FEW, _FEWER = 10_000, 200  # with more patterns than that, so many replicates have to do
_MAX_VALUES = 50  # that Dawid-Skene learns a table of for each reviewer


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far reviewers agree on one question, over all items or some.

    Attributes:
        name: the question, the label, or the group of items.
        level: the distance between answers that alpha takes.
        items: items with two labels or more.
        labels: labels, those on other items among them.
        alpha, low, high: Krippendorff's, with its 95% bootstrap interval; None where undefined.
        raw, raw_low, raw_high: share of pairs of labels that agree.
        ac1, ac1_low, ac1_high: Gwet's, which stands where nearly all answers are one; None for
            sets and rankings too.
        reason: why there is no alpha, else "".
    """

    name: str
    level: str
    items: int
    labels: int
    alpha: float | None
    low: float | None
    high: float | None
    raw: float | None
    raw_low: float | None
    raw_high: float | None
    ac1: float | None
    ac1_low: float | None
    ac1_high: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class ReviewerAgreement:
    """One reviewer beside the others; what rests on fewer than `MIN_RATED` labels is None.

    Attributes:
        labels: answers to the question.
        compared: those where the others' answers had a majority.
        agreement, low, high: share of `compared` that said what the majority said.
        alpha_without: alpha of everybody else.
        skill: how often the reviewer is right, by Dawid and Skene's model.
        drift: agreement by week, and a test of a trend; a period is a week by its number since
            Monday 29 December 1969.
        position: how often the answer shown first was preferred.
        seconds: median time a label, where it was measured.
    """

    reviewer: str
    labels: int
    compared: int
    agreement: float | None
    low: float | None
    high: float | None
    alpha_without: float | None
    skill: RaterSkill | None
    drift: RaterDrift | None
    position: PositionRate | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """How far a queue's reviewers agree.

    Attributes:
        queue: its name.
        scope: what was asked for, where it is not everything.
        items, labels: that were looked at.
        question: the one that all but `questions` is about.
        questions: agreement on every question that can be agreed on.
        ticked: on each label, or option, whether it was ticked.
        cohorts, question_types: agreement by the items' own.
        reviewers: each beside the others, the least in agreement first.
        pairs: every pair of reviewers with an item in common.
        position: how often the answer shown first was preferred, by all.
        haste: whether quick labels prefer other answers.
    """

    queue: str
    scope: Mapping[str, Any]
    items: int
    labels: int
    question: str
    questions: tuple[Agreement, ...]
    ticked: tuple[Agreement, ...]
    cohorts: tuple[Agreement, ...]
    question_types: tuple[Agreement, ...]
    reviewers: tuple[ReviewerAgreement, ...]
    pairs: tuple[PairAgreement, ...]
    position: PositionRate | None
    haste: tuple[Haste, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return asdict(self)

    @property
    def main(self) -> Agreement:
        """Agreement on the question that the report is about."""
        return next(a for a in self.questions if a.name == self.question)


def read_alpha(store: Store, queue: QueueRow, seed: int) -> Agreement:
    """Measure the preferences' agreement on patterns; see `AnnotationQueue.alpha`."""
    asked = next((q for q in queue.questions if q.kind == "preference"), None)
    if asked is None:
        raise InputError(f"queue {queue.name} asks for no preference: ask for its agreement")
    with store.reading() as tx:
        table = patterns(tx, queue.id)
    if table is None:  # too many kinds of answers to count in the database
        return read_agreement(store, queue, Scope(queue.id), asked.name, seed).main
    if not table.units.sum():
        raise _empty(queue)
    return _measure(asked.name, pattern_table(table), "nominal", seed)


def _empty(queue: QueueRow) -> QueueEmpty:
    return QueueEmpty(f"queue {queue.name}: no label fits what was asked for")


def read_columns(store: Store, queue: QueueRow, scope: Scope) -> Columns:
    """Read the columns that a queue's report is made of."""
    asked = [question for question in queue.questions if has_agreement(question)]
    with store.reading() as tx:
        return columns(tx, scope, asked)


def read_agreement(
    store: Store, queue: QueueRow, scope: Scope, question: str | None, seed: int
) -> AgreementReport:
    """Read the labels and measure; see `AnnotationQueue.agreement`."""
    return make_agreement(store, queue, scope, read_columns(store, queue, scope), question, seed)


def make_agreement(
    store: Store,
    queue: QueueRow,
    scope: Scope,
    found: Columns,
    question: str | None = None,
    seed: int = 0,
) -> AgreementReport:
    """Measure agreement on columns that were read.

    Raises:
        InputError: the queue has no such question, or none that can be agreed on.
        QueueEmpty: there is no label.
    """
    asked = {q.name: q for q in queue.questions if has_agreement(q)}
    main = named_question(queue, question)
    if not len(found):
        raise _empty(queue)
    answers = {name: rated(store, queue.id, found, q) for name, q in asked.items()}
    of = answers[main.name]
    table, of_unit = of.ratings.patterns
    item = np.array(of.ratings.units, dtype=np.int64)
    reviewers, position = _reviewers(found, of, answers.get("preference"))
    return AgreementReport(
        queue=queue.name,
        scope=_said(scope),
        items=len(np.unique(found.item)),
        labels=len(found),
        question=main.name,
        questions=tuple(
            _measure(name, a.ratings.patterns[0], a.level, seed) for name, a in answers.items()
        ),
        ticked=tuple(
            _measure(name, one.ratings.patterns[0], one.level, seed)
            for q in asked.values()
            if q.kind == "choices" and (q.name == "labels" or q is main)
            for name, one in ticked(found, q)
        ),
        cohorts=_by(table, of_unit, found.cohort[item], found.cohorts, of.level, seed),
        question_types=_by(
            table, of_unit, found.question_type[item], found.question_types, of.level, seed
        ),
        reviewers=reviewers,
        pairs=tuple(p for p in pairwise_agreement(of.ratings) if p.units),
        position=position,
        haste=find_haste(store, found, answers["preference"], seed=seed)
        if "preference" in answers
        else (),
    )


def named_question(queue: QueueRow, name: str | None) -> Question:
    """Return the question of that name; None takes the preference, else the first.

    Raises:
        InputError: there is none that reviewers can agree on.
    """
    asked = {q.name: q for q in queue.questions if has_agreement(q)}
    if not asked:
        raise InputError(f"queue {queue.name} asks nothing that reviewers can agree on")
    if name is None:
        return asked.get("preference") or next(iter(asked.values()))
    if name not in asked:
        raise InputError(
            f"queue {queue.name}: {name!r} is none of the questions that reviewers can agree on: "
            f"{', '.join(asked)}"
        )
    return asked[name]


def _said(scope: Scope) -> dict[str, Any]:
    told = {k: v for k, v in asdict(scope).items() if v is not None and k != "queue_id"}
    if told.pop("include_simulated") is False:
        told["include_simulated"] = False
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in told.items()}


def _measure(name: str, table: Patterns, level: Any, seed: int) -> Agreement:
    """Return the figures of the items' patterns."""
    replicates = _REPLICATES if len(table) <= _FEW else _FEWER
    given = {"replicates": replicates, "seed": seed}
    labels = int(table.units @ table.raters)
    try:
        alpha = krippendorff_alpha(table, level)
        ends = bootstrap_interval(table, level, **given)
        value, low, high, reason = alpha.value, ends.low, ends.high, alpha.reason
    except InputError as error:  # too many distinct answers to hold against one another
        value, low, high, reason = None, None, None, str(error)
    raw, raw_ends = raw_agreement(table), raw_agreement_interval(table, **given)
    ac1 = ac1_low = ac1_high = None
    if level not in ("set", "ranking"):
        ac1, found = gwet_ac1(table).value, ac1_interval(table, **given)
        ac1_low, ac1_high = found.low, found.high
    return Agreement(
        name=name,
        level=level,
        items=int(table.units[table.raters >= 2].sum()),
        labels=labels,
        alpha=value,
        low=low,
        high=high,
        raw=raw,
        raw_low=raw_ends.low,
        raw_high=raw_ends.high,
        ac1=ac1,
        ac1_low=ac1_low,
        ac1_high=ac1_high,
        reason=reason,
    )


def _by(
    table: Patterns, of_unit: Any, group: Any, names: Sequence[str], level: Any, seed: int
) -> tuple[Agreement, ...]:
    """Return the figures of each group of items, the least in agreement first."""
    found = []
    for number, name in enumerate(names):
        units = np.bincount(of_unit[group == number], minlength=len(table))
        if units.any():
            part = replace(table, units=units).keep(units > 0)
            found.append(_measure(name, part, level, seed))
    return tuple(sorted(found, key=lambda a: (a.alpha is None, a.alpha or 0.0, a.name)))


def _reviewers(
    found: Columns, of: Rated, preferences: Rated | None
) -> tuple[tuple[ReviewerAgreement, ...], PositionRate | None]:
    skills = {skill.rater: skill for skill in _skills(of)}
    drifts = {drift.rater: drift for drift in _drifts(found, of)}
    overall, positions = _positions(found, preferences)
    medians = _medians(found)
    made = []
    for one in reviewer_reliability(of.ratings, of.level):
        enough = one.rated >= MIN_RATED
        compared = one.n >= MIN_RATED
        position = positions.get(one.rater)
        made.append(
            ReviewerAgreement(
                reviewer=one.rater,
                labels=one.rated,
                compared=one.n,
                agreement=one.agreement if compared else None,
                low=one.low if compared else None,
                high=one.high if compared else None,
                alpha_without=one.alpha_without if compared else None,
                skill=skills.get(one.rater) if enough else None,
                drift=drifts.get(one.rater) if compared else None,
                position=position if position and position.n >= MIN_RATED else None,
                seconds=medians.get(one.rater),
            )
        )
    return tuple(made), overall


def _skills(of: Rated) -> Iterable[RaterSkill]:
    chosen = len(set(of.ratings.value.tolist())) > 1
    if of.level != "nominal" or not chosen or len(of.ratings.domain) > _MAX_VALUES:
        return ()
    return dawid_skene(of.ratings).skills


def _drifts(found: Columns, of: Rated) -> list[RaterDrift]:
    decided, right = agrees_with_others(of.ratings)
    week = (found.day[of.label] + 3) // 7  # 1 January 1970 was a Thursday
    if not len(week):
        return []
    first = int(week.min())
    span = int(week.max()) - first + 1
    cell = of.ratings.rater * span + week - first
    size = len(found.reviewers) * span
    n = np.bincount(cell[decided], minlength=size)
    agreed = np.bincount(cell[right], minlength=size)
    return rater_drift(
        (found.reviewers[at // span], first + at % span, int(agreed[at]), int(n[at]))
        for at in np.flatnonzero(n).tolist()
    )


def _positions(
    found: Columns, preferences: Rated | None
) -> tuple[PositionRate | None, dict[str, PositionRate]]:
    if preferences is None:
        return None, {}
    rows = np.flatnonzero(found.first >= 0)
    bias = position_bias(found.reviewer[rows], found.item[rows], found.first[rows])
    named = [replace(rate, rater=found.reviewers[int(rate.rater)]) for rate in bias.raters]
    overall = bias.overall if len(rows) >= MIN_RATED else None
    return overall, {rate.rater: rate for rate in named}


def _medians(found: Columns) -> dict[str, float]:
    timed = np.flatnonzero(~np.isnan(found.seconds))
    if not len(timed):
        return {}
    order = timed[np.argsort(found.reviewer[timed], kind="stable")]
    who, starts = np.unique(found.reviewer[order], return_index=True)
    parts = np.split(found.seconds[order], starts[1:])
    return {
        found.reviewers[name]: float(np.median(part))
        for name, part in zip(who.tolist(), parts, strict=True)
        if len(part) >= MIN_RATED
    }
