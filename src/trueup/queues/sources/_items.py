"""What is put into a queue: one request with the answers to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from trueup.errors import InputError, UnknownName
from trueup.store import Tx, content_hash, derived_id
from trueup.store.items import known_traces
from trueup.store.queues import QueueRow
from trueup.types import Expected, Item, ItemAnswer, Message, Trace

__all__ = ["NewItem", "to_item", "to_items"]

_MAX_ANSWERS = 8  # more than a person can hold against each other


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item before a queue gives it an id; see `trueup.types.Item` for the fields.

    It shows the served answer and, where there is one, a sampled one beside it; or answers that
    came from elsewhere, each under the name of what gave it.
    """

    trace_id: str
    conversation_id: str
    cohort: str
    messages: tuple[Message, ...]
    answers: tuple[ItemAnswer, ...]
    reason: str
    question_type: str = ""
    family: str = ""
    context: tuple[str, ...] = ()
    expected: Expected | None = None
    inclusion: float = 1.0
    tag: str = ""

    @classmethod
    def from_trace(
        cls, trace: Trace, *, reason: str, candidate: str | None = None, inclusion: float = 1.0
    ) -> NewItem:
        """Freeze a trace into an item, with a candidate answer beside the served one.

        Which of the two is shown as "a" follows from their content, so that reviewers cannot tell
        them apart by place and a second run shows the same order.
        """
        return cls(
            trace_id=trace.id,
            conversation_id=trace.conversation_id,
            cohort=trace.cohort,
            messages=trace.messages,
            answers=_blind(trace, candidate),
            reason=reason,
            question_type=trace.question_type,
            family=trace.family,
            context=trace.context,
            expected=trace.expected,
            inclusion=inclusion,
        )


def _blind(trace: Trace, candidate: str | None) -> tuple[ItemAnswer, ...]:
    if candidate is None:
        return (ItemAnswer("a", trace.answer, "served"),)
    if int(content_hash([trace.id, trace.answer, candidate]), 16) % 2:
        return (ItemAnswer("a", candidate, "sampled"), ItemAnswer("b", trace.answer, "served"))
    return (ItemAnswer("a", trace.answer, "served"), ItemAnswer("b", candidate, "sampled"))


def to_item(new: NewItem, queue_id: str) -> Item:
    """Give the item its id, which follows from the queue, the trace and the answers.

    Raises:
        InputError: the answers are not one served and at most one sampled, nor one to eight under
            names that differ, or the item names no trace, cohort or message, or its inclusion is no
            probability above 0.
    """
    sources = sorted(answer.source for answer in new.answers)
    keys = [answer.key for answer in new.answers]
    ours = {"served", "sampled"} & set(sources)
    known = sources in (["served"], ["sampled", "served"]) if ours else all(sources)
    fits = known and 1 <= len(sources) <= _MAX_ANSWERS
    if not fits or len(set(sources)) < len(sources) or keys != list(ascii_lowercase[: len(keys)]):
        shown = ", ".join(f"{answer.key}={answer.source}" for answer in new.answers) or "none"
        raise InputError(
            f"item on trace {new.trace_id}: its answers are {shown}; give the served one and at "
            f"most one sampled, or up to {_MAX_ANSWERS} under names of their own, with the keys "
            "a, b, ... in this order"
        )
    for name in ("trace_id", "conversation_id", "cohort", "messages", "reason"):
        if not getattr(new, name):
            raise InputError(f"item on trace {new.trace_id!r}: `{name}` is empty; fill it in")
    if not 0 < new.inclusion <= 1:
        raise InputError(
            f"item on trace {new.trace_id}: its inclusion is {new.inclusion}; give the probability "
            "with which it was queued, above 0 and at most 1"
        )
    answers = sorted([answer.source, answer.text] for answer in new.answers)
    return Item(
        id=derived_id("item", queue_id, new.trace_id, answers),
        queue_id=queue_id,
        trace_id=new.trace_id,
        conversation_id=new.conversation_id,
        cohort=new.cohort,
        question_type=new.question_type,
        family=new.family,
        messages=new.messages,
        context=new.context,
        answers=new.answers,
        reason=new.reason,
        expected=new.expected,
        inclusion=new.inclusion,
        tag=new.tag,
    )


def to_items(tx: Tx, queue: QueueRow, given: Sequence[NewItem]) -> list[Item]:
    """Give items their ids.

    Raises:
        InputError: an item's answers make no sense.
        UnknownName: an item's trace is not in the store.
    """
    made = [to_item(item, queue.id) for item in given]
    traces = {item.trace_id for item in made}
    if missing := sorted(traces - known_traces(tx, traces)):
        raise UnknownName(
            f"queue {queue.name}: {len(missing)} items are on traces that the store does "
            f"not have, {missing[0]} first; import their traces before"
        )
    return made
