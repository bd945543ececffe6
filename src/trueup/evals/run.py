"""Evaluators over many answers: traces of the store, and any request with an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from trueup.evals.base import Answered, Evaluator
from trueup.evals.registry import evaluator, pass_line
from trueup.store import Store
from trueup.store.scores import get_scores, put_scores
from trueup.types import Expected, Messages, Score, Trace

__all__ = ["evaluate_traces", "failed", "failing", "over_refused", "score_answer"]

_BATCH = 100  # traces a transaction; what a killed run has to score again


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
    return _score(evaluators, Answered(messages, tuple(context), answer, expected))


def evaluate_traces(
    store: Store,
    traces: Sequence[Trace],
    evaluators: Sequence[Evaluator],
    *,
    actor: str,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Score]]:
    """Score traces of the store and keep the scores; those that are there already are kept.

    What a judge left unscored is not kept, so that it is asked again the next time.

    Args:
        store: where the traces are and the scores go.
        traces: what to score.
        evaluators: what to score it with.
        actor: who writes.
        now: when, UTC.
        progress: called with how many traces are done, and of how many.

    Returns:
        The scores by trace id and evaluator name.
    """
    found: dict[str, dict[str, Score]] = {}
    for start in range(0, len(traces), _BATCH):
        batch = traces[start : start + _BATCH]
        with store.reading() as tx:
            kept = get_scores(tx, "trace", [trace.id for trace in batch])
        fresh = {trace.id: _missing(trace, evaluators, kept.get(trace.id, {})) for trace in batch}
        rows = [
            (key, scores[e.name])
            for key, scores in fresh.items()
            for e in evaluators
            if e.name in scores and e.lasts(scores[e.name])
        ]
        if rows:
            with store.transaction() as tx:
                put_scores(tx, "trace", rows, actor, now)
        for trace in batch:
            both = kept.get(trace.id, {}) | fresh[trace.id]
            found[trace.id] = {e.name: both[e.name] for e in evaluators}
        if progress is not None:
            progress(start + len(batch), len(traces))
    return found


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


def _missing(
    trace: Trace, evaluators: Sequence[Evaluator], kept: Mapping[str, Score]
) -> dict[str, Score]:
    """Score a trace with those evaluators that have no score of their version yet."""
    due = [e for e in evaluators if e.name not in kept or kept[e.name].version != e.version]
    answered = Answered(trace.messages, trace.context, trace.answer, trace.expected, trace.steps)
    return _score(due, answered)


def _score(evaluators: Iterable[Evaluator], answered: Answered) -> dict[str, Score]:
    return {e.name: e.evaluate_many([e.arguments(answered)])[0] for e in evaluators}
