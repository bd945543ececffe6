"""What grades for an evaluator in place of its local method: a judge, or a classifier.

An evaluator that a judge can grade for names its `rubric`; one that a classifier can grade for says
what it `classifies`: "claims", the response's sentences beside the context, or "text".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from trueup.errors import InputError
from trueup.evals.backends.shown import shown
from trueup.models.judge import Judge, Judgement, Rubric
from trueup.store.ids import content_hash
from trueup.text import facts, plain_text, sentences, stems
from trueup.types import BROKE, Score

if TYPE_CHECKING:
    from trueup.evals.base import Evaluator

__all__ = ["Backend", "Classifies", "grade", "grade_many", "of_judgement", "version_under"]


@runtime_checkable
class Classifies(Protocol):
    """What is needed of a classifier; `models.Classifier` is one."""

    @property
    def fingerprint(self) -> str:
        """A hash of what decides how it grades."""

    def good(self, texts: Sequence[str | tuple[str, str]]) -> list[float]:
        """Return how likely each text, or each claim beside its source, is good."""


Backend = Judge | Classifies
"""A judge or a classifier."""


def version_under(evaluator: Evaluator, backend: object) -> str:
    """Return the version of an evaluator's scores under a backend.

    Raises:
        InputError: the evaluator does not take it; the message names those it takes.
    """
    rubric, classifies = evaluator.rubric, evaluator.classifies
    if isinstance(backend, Judge) and rubric is not None:
        decided = content_hash([rubric.fingerprint, backend.fingerprint])
        return f"judge-{rubric.version}-{decided[:8]}"
    if isinstance(backend, Classifies) and classifies is not None:
        return f"model-{content_hash([backend.fingerprint, classifies])[:8]}"
    takes = [
        "None, its local method",
        *["a Judge"] * bool(rubric),
        *["a Classifier"] * bool(classifies),
    ]
    raise InputError(
        f"{type(evaluator).__name__}: no backend {backend!r:.60}; it takes {', '.join(takes)}"
    )


def grade(evaluator: Evaluator, backend: Backend, given: Mapping[str, Any]) -> Score:
    """Score one answer by a backend.

    Raises:
        InputError: an argument is of the wrong type.
        ModelError: a judge's endpoint does not take the key, or does not know the model.
    """
    return (
        _judged(evaluator, backend, given)
        if isinstance(backend, Judge)
        else _classified(evaluator, backend, [given])[0]
    )


def grade_many(
    evaluator: Evaluator, backend: Backend, rows: Sequence[Mapping[str, Any]]
) -> list[Score]:
    """Score many answers: as many at once as a judge takes, or in the classifier's batches.

    Returns:
        One score a row, in order. A row that fails is unscored, with the reason.
    """
    if isinstance(backend, Judge):
        with ThreadPoolExecutor(backend.concurrency) as pool:
            return list(pool.map(evaluator.evaluate_safely, rows))
    try:
        for row in rows:
            evaluator.check(row, type(evaluator).__name__)
        return _classified(evaluator, backend, rows)
    except Exception:  # which row it was shows when each is alone
        return [evaluator.evaluate_safely(row) for row in rows]


def of_judgement(name: str, version: str, made: Judgement) -> Score:
    """Return a judge's judgement as a score."""
    votes = f" ({len(made.votes)} votes)" if len(made.votes) > 1 else ""
    if made.disagreement:
        votes = f" ({len(made.votes)} votes, {made.disagreement:.0%} of their pairs disagree)"
    return Score(
        name,
        version,
        value=made.value,
        label=made.label,
        reason=f"{BROKE}{made.fault}" if made.fault else made.reason + votes,
        evidence=made.evidence,
        cost=made.cost,
    )


def _judged(evaluator: Evaluator, judge: Judge, given: Mapping[str, Any]) -> Score:
    rubric = _rubric(evaluator)
    texts = _texts(evaluator, given)
    for name in rubric.takes:
        needed = name in ("expected", rubric.takes[-1])
        if needed and not any(text.strip() for text in _several(texts.get(name, ""))):
            return Score(evaluator.name, evaluator.version, reason=f"empty {name}")
    made = judge.judge(rubric, texts)
    if rubric.each and made.value is None and not made.fault:  # there was none to grade
        name, version = evaluator.name, evaluator.version
        return Score(name, version, reason=made.reason, cost=made.cost)
    score = of_judgement(evaluator.name, evaluator.version, made)
    return score if made.fault else evaluator.settle(score, given)


def _classified(
    evaluator: Evaluator, classifier: Classifies, rows: Sequence[Mapping[str, Any]]
) -> list[Score]:
    begun = perf_counter()
    asked = [_to_classify(evaluator, row) for row in rows]
    values = iter(classifier.good([text for texts in asked for text in texts]))
    scores = []
    for row, texts in zip(rows, asked, strict=True):
        score = _of_values(evaluator, texts, [next(values) for _ in texts])
        scores.append(score if score.label is None else evaluator.settle(score, row))
    seconds = (perf_counter() - begun) / max(1, len(rows))
    return [replace(score, seconds=seconds) for score in scores]


def _to_classify(evaluator: Evaluator, given: Mapping[str, Any]) -> list[str | tuple[str, str]]:
    """Return the texts, or the pairs of source and claim, that a score rests on."""
    texts = _texts(evaluator, given)
    said = plain_text("\n".join(_several(texts[_rubric(evaluator).takes[-1]])))
    if evaluator.classifies == "text":
        return [said] if said else []
    source = "\n\n".join(_several(texts["context"]))
    return [(source, claim) for claim in sentences(said) if stems(claim) or facts(claim)]


def _of_values(
    evaluator: Evaluator, texts: Sequence[str | tuple[str, str]], values: Sequence[float]
) -> Score:
    if not texts:
        reason = "no claims" if evaluator.classifies == "claims" else "no text"
        return Score(evaluator.name, evaluator.version, reason=reason)
    weak = [(t, value) for t, value in zip(texts, values, strict=True) if value < 0.5]
    if evaluator.classifies == "text":
        grades = _rubric(evaluator).grades
        label = grades[-1 if weak else 0].label
        evidence: tuple[str, ...] = ()
    else:
        labels = _rubric(evaluator).summary
        label = labels[0 if not weak else 2 if len(weak) == len(texts) else 1]
        evidence = tuple(f"{pair[1]} [{value:.2f}]" for pair, value in weak)
    value = fmean(values)
    return Score(
        evaluator.name,
        evaluator.version,
        value=value,
        label=label,
        reason=f"{len(texts) - len(weak)} of {len(texts)} more likely good than not",
        evidence=evidence,
    )


def _texts(evaluator: Evaluator, given: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    at_hand = evaluator.shown_to_judge(given)
    return {
        name: shown(name, at_hand[name])
        for name in _rubric(evaluator).takes
        if at_hand.get(name) is not None
    }


def _several(text: str | Sequence[str]) -> Sequence[str]:
    return [text] if isinstance(text, str) else text


def _rubric(evaluator: Evaluator) -> Rubric:
    assert evaluator.rubric is not None  # `version_under` saw to it
    return evaluator.rubric
