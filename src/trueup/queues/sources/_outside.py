"""Items from outside: each hangs on a trace made of what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase

from trueup.errors import InputError
from trueup.queues.sources._items import NewItem, to_item
from trueup.store import Tx, derived_id
from trueup.store.queues import QueueRow
from trueup.store.scores import put_scores
from trueup.store.stamp import Stamp
from trueup.store.traces import put_trace
from trueup.types import ALL_COHORTS, Expected, Item, ItemAnswer, Message, Score, ToolCall, Trace

__all__ = ["Frozen", "Shown", "freeze", "put_traces"]

_COHORT = "imported"
_MAX_NAME = 100  # what the store's columns hold


@dataclass(frozen=True, slots=True)
class Shown:
    """What a record from outside shows.

    Attributes:
        answers: (name, text) in their order.
        about: what else an item is known by: cohort, question_type, conversation_id, family, tag.
        context: passages.
        steps: tool calls that were made.
        scores: what evaluators found elsewhere.
        expected: what a right answer contains.
    """

    messages: tuple[Message, ...]
    answers: tuple[tuple[str, str], ...]
    about: Mapping[str, str] = field(default_factory=dict)
    context: tuple[str, ...] = ()
    steps: tuple[ToolCall, ...] = ()
    scores: tuple[Score, ...] = ()
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """A record as the store takes it."""

    trace: Trace
    item: Item
    scores: tuple[Score, ...] = ()


def freeze(queue: QueueRow, shown: Shown, source: str) -> Frozen:
    """Return the trace and the item of a record, which follow from what it shows.

    Raises:
        InputError: it does not make an item.
    """
    about = shown.about
    cohort = about.get("cohort", _COHORT)
    if cohort == ALL_COHORTS:
        raise InputError(f"its cohort is {cohort!r}, which means all of them; name another")
    names = {f"answer {number}": name for number, (name, _) in enumerate(shown.answers, 1)}
    for what, name in {**about, **names}.items():
        if len(name) > _MAX_NAME:
            raise InputError(f"its {what} is called {name[:20]}..., over {_MAX_NAME} characters")
    texts = sorted(text for _, text in shown.answers)
    more = [list(shown.context)] if shown.context else []
    trace_id = derived_id("import", source, [dict(m) for m in shown.messages], texts, *more)
    answers = tuple(
        ItemAnswer(key, text, name)
        for key, (name, text) in zip(ascii_lowercase, shown.answers, strict=False)
    )
    trace = Trace(
        id=trace_id,
        conversation_id=about.get("conversation_id", trace_id),
        cohort=cohort,
        messages=shown.messages,
        answer=answers[0].text,
        question_type=about.get("question_type", ""),
        family=about.get("family", ""),
        context=shown.context,
        steps=shown.steps,
        expected=shown.expected,
    )
    new = NewItem(
        trace_id,
        trace.conversation_id,
        cohort,
        shown.messages,
        answers,
        f"import:{source}",
        question_type=trace.question_type,
        family=trace.family,
        context=shown.context,
        expected=shown.expected,
        tag=about.get("tag", ""),
    )
    return Frozen(trace, to_item(new, queue.id), shown.scores)


def put_traces(tx: Tx, found: Iterable[Frozen], source: str, stamp: Stamp) -> None:
    """Store the traces that items from outside hang on, with their scores."""
    given = stamp._asdict()
    for one in found:
        put_trace(tx, one.trace, source=f"import:{source}", checkpoint_id=None, **given)
        scores = [(one.trace.id, score) for score in one.scores]
        put_scores(tx, "trace", scores, stamp.actor, stamp.now)
