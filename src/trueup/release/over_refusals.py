"""Over-refusal on real traffic: what the baseline answered and the candidate refuses, to people.

A set of prompts knows the refusals that somebody thought of. The long tail of them shows where two
checkpoints answer the same requests, and whether a new refusal is right is for people to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trueup.errors import GateError, QueueEmpty
from trueup.queues import Added, AnnotationQueue, NewItem
from trueup.release.replay import ScoredReplay, check_versions
from trueup.store import Store, Tx, content_hash, derived_id
from trueup.store.releases import ReplayAnswer, Request
from trueup.store.scores import put_scores
from trueup.store.stamp import stamp
from trueup.store.traces import list_traces, put_trace
from trueup.types import ItemAnswer, Score, ToolCall, Trace

__all__ = ["NewRefusal", "NewRefusals", "new_refusals", "queue_refusals", "requests_of"]

_REFUSED = ("full", "partial")


@dataclass(frozen=True, slots=True)
class NewRefusal:
    """A request that the baseline answered and the candidate refuses.

    Attributes:
        baseline, candidate: the answers of both.
        label: how far the candidate refuses: "full" or "partial".
        scores: of the baseline's answer, by evaluator.
    """

    baseline: ReplayAnswer
    candidate: ReplayAnswer
    label: str
    scores: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class NewRefusals:
    """Those that were found, in the order of their requests, and why others are none.

    Attributes:
        baseline, candidate: ids of the checkpoints.
        found: the requests.
        left_out: how many of the candidate's refusals are none of these, by reason.
    """

    baseline: str
    candidate: str
    found: tuple[NewRefusal, ...]
    left_out: Mapping[str, int]


def requests_of(traces: Iterable[Trace]) -> list[Request]:
    """Return traces as requests to replay, each under the id of its trace."""
    return [
        Request(
            id=trace.id,
            cohort=trace.cohort,
            family=trace.family or trace.conversation_id,
            question_type=trace.question_type,
            messages=trace.messages,
            context=trace.context,
            expected=trace.expected,
        )
        for trace in traces
    ]


def new_refusals(baseline: ScoredReplay, candidate: ScoredReplay) -> NewRefusals:
    """Find what the baseline answered and the candidate refuses, in full or in part.

    Requests that ought to be refused, as is known of them, are left out.

    Raises:
        GateError: the replays are of other requests, or were scored by other versions.
    """
    first, second = baseline.replay, candidate.replay
    if first.suite_hash != second.suite_hash:
        raise GateError(
            f"replays {first.id} ({first.suite}) and {second.id} ({second.suite}) are of other "
            "requests; replay both checkpoints on one suite"
        )
    check_versions(baseline, candidate, ["refusal"])
    found, left_out = [], Counter[str]()
    for key, answer in sorted(candidate.answers.items()):
        before, after = (replay.scores[key].get("refusal") for replay in (baseline, candidate))
        if after is None or after.label is None:
            left_out["the candidate's answer was not scored"] += 1
        elif after.label not in _REFUSED:
            continue
        elif before is None or before.label is None:
            left_out["the baseline's answer was not scored"] += 1
        elif before.label in _REFUSED:
            left_out["the baseline refuses it too"] += 1
        elif answer.request.expected is not None and answer.request.expected.refuse:
            left_out["it ought to be refused"] += 1
        else:
            refusal = NewRefusal(baseline.answers[key], answer, after.label, baseline.scores[key])
            found.append(refusal)
    return NewRefusals(
        first.checkpoint_id, second.checkpoint_id, tuple(found), dict(sorted(left_out.items()))
    )


def queue_refusals(
    store: Store,
    refusals: NewRefusals,
    queue: AnnotationQueue,
    *,
    actor: str | None = None,
    now: datetime | None = None,
) -> Added:
    """Put new refusals into a queue, both answers side by side; the same twice is once.

    An item hangs on the trace that its request was made from, or, where that is none of the
    store's, on one made of the request and the baseline's answer. Requests that are labelled and
    trained on are no longer held out: replay others for the next verdict.

    Args:
        store: where the queue is.
        refusals: what `new_refusals` found.
        queue: where they go.
        actor: who adds.
        now: when.

    Raises:
        QueueEmpty: there are none.
    """
    if not refusals.found:
        raise QueueEmpty(
            f"candidate {refusals.candidate} refuses nothing that baseline {refusals.baseline} "
            "answered; nothing was added"
        )
    given = stamp(actor, now)
    with store.transaction() as tx:
        known = _known(tx, [refusal.baseline.request for refusal in refusals.found])
        for refusal in refusals.found:
            trace = known.get(refusal.baseline.request.id)
            if trace is None:
                trace = _trace(refusal.baseline, refusals.baseline)
                source = f"replay:{refusal.baseline.replay_id}"
                put_trace(
                    tx,
                    trace,
                    source=source,
                    checkpoint_id=refusals.baseline,
                    actor=given.actor,
                    now=given.now,
                )
                scores = [(trace.id, score) for score in refusal.scores.values()]
                put_scores(tx, "trace", scores, given.actor, given.now)
                known[refusal.baseline.request.id] = trace
    items = [
        _item(refusal, known[refusal.baseline.request.id], refusals.candidate)
        for refusal in refusals.found
    ]
    new = queue.add_items(items, actor=given.actor, now=given.now)
    return Added(new, len(items) - new, refusals.left_out)


def _known(tx: Tx, requests: Sequence[Request]) -> dict[str, Trace]:
    """Return the traces that requests were made from, by request id."""
    asked = {request.id: request for request in requests}
    return {
        trace.id: trace
        for trace in list_traces(tx, ids=list(asked))
        if list(trace.messages) == list(asked[trace.id].messages)
    }


def _trace(answer: ReplayAnswer, checkpoint_id: str) -> Trace:
    request = answer.request
    key = derived_id("replayed", answer.id)
    return Trace(
        id=key,
        conversation_id=key,
        cohort=request.cohort,
        messages=tuple(request.messages),
        answer=answer.text,
        question_type=request.question_type,
        family=request.family,
        context=request.context,
        steps=ToolCall.parse_all(answer.text),
        expected=request.expected,
        model=checkpoint_id,
    )


def _item(refusal: NewRefusal, trace: Trace, candidate: str) -> NewItem:
    """Return both answers as an item; which stands first follows from their content."""
    texts = {"baseline": refusal.baseline.text, "candidate": refusal.candidate.text}
    order = sorted(texts, key=lambda name: content_hash([trace.id, texts[name]]))
    return NewItem(
        trace_id=trace.id,
        conversation_id=trace.conversation_id,
        cohort=trace.cohort,
        messages=trace.messages,
        answers=tuple(
            ItemAnswer(key, texts[name], name) for key, name in zip("ab", order, strict=True)
        ),
        reason=f"over_refusal:{candidate}",
        question_type=trace.question_type,
        family=trace.family,
        context=trace.context,
        expected=trace.expected,
    )
