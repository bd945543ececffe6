"""The first stations: record answers, evaluate them, and queue what people should look at."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from operator import itemgetter

from trueup.errors import QueueEmpty
from trueup.evals import (
    Groundedness,
    LengthDrift,
    Refusal,
    TaskCompletion,
    ToolSelectionAccuracy,
)
from trueup.evals.base import Evaluator
from trueup.evals.run import evaluate_traces, failed, over_refused, score_answer
from trueup.flywheel.context import Found, Turn
from trueup.models import Sampler
from trueup.queues import AnnotationQueue, NewItem
from trueup.store import derived_id
from trueup.store.runs import get_checkpoint
from trueup.store.traces import list_traces, put_trace
from trueup.types import Completion, Score, Trace

__all__ = ["enqueue", "evaluate", "evaluators", "pick", "record", "spread"]

_BATCH = 128  # answers that a killed run has to draw again


def evaluators() -> list[Evaluator]:
    """Return what answers are scored with, before and after training alike."""
    return [Groundedness(), TaskCompletion(), ToolSelectionAccuracy(), Refusal(), LengthDrift()]


def sampler(turn: Turn, checkpoint_id: str) -> Sampler:
    """Load a checkpoint of the store to draw answers from."""
    from trueup.models import LocalSampler, load_model  # they load torch

    with turn.store.reading() as tx:
        path = get_checkpoint(tx, checkpoint_id).path
    return LocalSampler(load_model(turn.store.locate(path), dtype="auto"))


def record(turn: Turn, found: Mapping[str, Found]) -> Found:
    """Ask the deployed assistant every request and keep its answers as traces."""
    checkpoint = found["deploy"]["checkpoint"]
    requests = turn.application.requests("train", turn.config.seed)
    source = sampler(turn, checkpoint)
    watch = turn.watch("answers recorded")
    kept = cut = 0
    for start in range(0, len(requests), _BATCH):
        batch = requests[start : start + _BATCH]
        began, clock = turn.now(), time.perf_counter()
        drawn = source.sample(
            [r.messages for r in batch],
            max_new_tokens=turn.config.max_new_tokens,
            seed=turn.config.seed,
        )
        # answers are drawn together: a batch's time is shared out evenly
        share = (time.perf_counter() - clock) * 1000 / len(batch)
        with turn.store.transaction() as tx:
            for number, (request, (completion,)) in enumerate(zip(batch, drawn, strict=True)):
                trace = turn.application.trace(
                    request,
                    completion,
                    id=derived_id(turn.id, "trace", request.id),
                    model=checkpoint,
                    started_at=began + timedelta(milliseconds=number * share),
                    latency_ms=share,
                )
                put_trace(
                    tx,
                    trace,
                    source=turn.id,
                    checkpoint_id=checkpoint,
                    actor=turn.actor,
                    now=turn.now(),
                )
                kept += 1
                cut += completion.finish_reason == "length"
        watch(start + len(batch), len(requests))
    if cut:
        turn.events.note(f"{cut} of {kept} answers were cut at {turn.config.max_new_tokens} tokens")
    return {"traces": kept, "cut": cut, "cohorts": dict(Counter(r.cohort for r in requests))}


def evaluate(turn: Turn, _: Mapping[str, Found]) -> Found:
    """Score every recorded trace."""
    traces = _traces(turn)
    scores = evaluate_traces(
        turn.store,
        traces,
        evaluators(),
        actor=turn.actor,
        now=turn.now(),
        progress=turn.watch("traces scored"),
    )
    wrong = {trace.id: failed(scores[trace.id]) for trace in traces}
    refused = sum(over_refused(scores[t.id], t.expected) for t in traces)
    return {
        "scored": len(traces),
        "failed": sum(bool(names) for names in wrong.values()),
        "failed_by": dict(Counter(name for names in wrong.values() for name in names)),
        "over_refused": refused,
    }


def enqueue(turn: Turn, found: Mapping[str, Found]) -> Found:
    """Queue the failed traces and a share of the rest, with a better answer beside each."""
    config = turn.config
    traces = _traces(turn)
    if not traces:
        raise QueueEmpty(
            f"store {turn.store.address} holds no trace of turn {turn.id} (seed {config.seed}); "
            "record with the same settings first"
        )
    scores = evaluate_traces(turn.store, traces, evaluators(), actor=turn.actor, now=turn.now())
    reasons = {
        trace.id: f"failed:{names[0]}" for trace in traces if (names := failed(scores[trace.id]))
    }
    passed = [trace for trace in traces if trace.id not in reasons]
    rng = random.Random(f"{turn.id}/passed")
    inclusion = spread(passed, config.passed_share, rng)
    chosen = [trace for trace in traces if trace.id in reasons or trace.id in inclusion]
    source = sampler(turn, found["deploy"]["checkpoint"])
    drawn = source.sample(
        [trace.messages for trace in chosen],
        n=config.samples,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        seed=config.seed,
        progress=turn.watch("samples drawn"),
    )
    cut = sum(a.finish_reason == "length" for answers in drawn for a in answers)
    if cut:
        turn.events.note(
            f"{cut} of {len(chosen) * config.samples} samples were cut at "
            f"{config.max_new_tokens} tokens; reviewers are not shown those"
        )
    items = [
        NewItem.from_trace(
            trace,
            reason=reasons.get(trace.id, "sampled"),
            candidate=pick(trace, answers, worst=trace.id in inclusion),
            inclusion=inclusion.get(trace.id, 1.0),
        )
        for trace, answers in zip(chosen, drawn, strict=True)
    ]
    queue = AnnotationQueue.create_or_get(
        config.queue, overlap=config.overlap, store=turn.store, actor=turn.actor, now=turn.now()
    )
    queue.add_items(items, actor=turn.actor, now=turn.now())
    return {
        "queue": queue.name,
        "items": len(items),
        "reasons": dict(Counter(item.reason for item in items)),
        "cut": cut,
        "without_candidate": sum(len(item.answers) == 1 for item in items),
    }


def spread(traces: Sequence[Trace], share: float, rng: random.Random) -> dict[str, float]:
    """Draw a share of the traces from each family, rounded up: no family is left unseen.

    What the reviewers do not see is not trained on, and what is not trained on is forgotten: a
    plain sample may miss the few requests that one tool was right for.

    Returns:
        By the id of each trace drawn, the probability with which it was.
    """
    families: dict[str, list[Trace]] = {}
    for trace in traces:
        families.setdefault(trace.family, []).append(trace)
    drawn: dict[str, float] = {}
    for members in families.values():
        count = math.ceil(share * len(members))
        drawn |= {trace.id: count / len(members) for trace in rng.sample(members, count)}
    return drawn


def pick(trace: Trace, answers: Sequence[Completion], *, worst: bool) -> str | None:
    """Return the sample to show beside the served answer; None where there is none to show.

    Beside an answer that failed goes the best sample. Beside one that passed goes the worst, so
    that there is something to choose between; where all samples passed too, the reviewer is asked
    about the served answer alone, since two right answers would only be a tie.
    """
    others = [a for a in answers if a.text != trace.answer and a.finish_reason == "stop"]
    if not others:
        return None
    merits = [(_merit(trace, a.text), a.text) for a in others]
    ranked = sorted(merits, key=itemgetter(0))
    if not worst:
        return ranked[-1][1]
    (failures, _), text = ranked[0]
    return None if failures == 0 else text


def _merit(trace: Trace, answer: str) -> tuple[int, float]:
    scores: dict[str, Score] = score_answer(
        evaluators(),
        messages=trace.messages,
        context=trace.context,
        answer=answer,
        expected=trace.expected,
    )
    values = [score.value for score in scores.values() if score.value is not None]
    return -len(failed(scores)), sum(values) / len(values) if values else 0.0


def _traces(turn: Turn) -> list[Trace]:
    with turn.store.reading() as tx:
        return list_traces(tx, source=turn.id)
