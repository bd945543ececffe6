"""Evaluators over many answers: traces of the store, and any request with an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from trueup.evals.base import Evaluator
from trueup.evals.registry import evaluator, pass_line
from trueup.scoring import Answered, Progress, Workers, score_answers
from trueup.store import Store
from trueup.types import Expected, Messages, Score, Trace

__all__ = ["evaluate_traces", "failed", "failing", "over_refused", "score_answer"]

_HERE = Workers()


def score_answer(
    evaluators: Iterable[Evaluator],
    *,
    messages: Messages,
    context: Sequence[str] = (),
    answer: str,
    expected: Expected | None = None,
) -> dict[str, Score]:
    """Score one answer to a request, wherever it came from.

    Args:
        evaluators: what to score it with.
        messages: the conversation up to the answer.
        context: the passages that the answer may rest on.
        answer: the answer's text, tool calls as `<tool_call>` blocks.
        expected: what a right answer contains, where it is known.

    Returns:
        The scores by the evaluators' names. An evaluator that fails leaves it unscored.
    """
    answered = Answered(messages, tuple(context), answer, expected)
    return {e.name: e.evaluate_many([e.arguments(answered)])[0] for e in evaluators}


def evaluate_traces(
    store: Store,
    traces: Sequence[Trace],
    evaluators: Sequence[Evaluator],
    *,
    actor: str,
    now: datetime,
    workers: Workers = _HERE,
    progress: Progress | None = None,
) -> dict[str, dict[str, Score]]:
    """Score traces of the store and keep the scores, those that are there already too.

    What broke, as where a judge gave no verdict, is asked again the next time.

    Args:
        store: where the traces are and the scores go.
        traces: what to score.
        evaluators: what to score it with.
        actor: who writes.
        now: when, UTC.
        workers: where to score.
        progress: called with how many traces are done, and of how many.

    Returns:
        The scores by trace id, in the traces' order, and evaluator name.

    Raises:
        InputError, EvaluationError: as `score_answers` does.
    """
    given = {trace.id: Answered.of(trace) for trace in traces}
    found: dict[str, dict[str, Score]] = {}
    for some in score_answers(
        store, "trace", [given], evaluators, workers=workers, actor=actor, now=now
    ):
        found |= some
        if progress is not None:
            progress(len(found), len(given))
    return {key: found[key] for key in given}


def failed(scores: Mapping[str, Score]) -> tuple[str, ...]:
    """Return the names of the evaluators that an answer failed; unscored is not failed."""
    return tuple(
        name
        for name, score in scores.items()
        if score.value is not None and score.value < pass_line(name)
    )


def failing(names: Sequence[str] | None = None) -> Callable[[Mapping[str, Score]], tuple[str, ...]]:
    """Return the function that names which of some evaluators an answer failed; None is any.

    Raises:
        UnknownName: there is no evaluator of a name.
    """
    if names is None:
        return failed
    wanted = {evaluator(name).name for name in names}
    return lambda scores: tuple(name for name in failed(scores) if name in wanted)


def over_refused(scores: Mapping[str, Score], expected: Expected | None) -> bool:
    """Tell whether an answer refuses, in full or in part, what it should have answered."""
    refusal = scores.get("refusal")
    return (
        refusal is not None
        and refusal.label in ("full", "partial")
        and expected is not None
        and expected.refuse is False
    )
