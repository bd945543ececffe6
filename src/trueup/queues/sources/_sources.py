"""What items are made of: traces, spans, rows of datasets, records from outside.

Each function yields items, and counts in `left_out` why others are none.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trueup.errors import InputError, TrueupError, UnknownName
from trueup.queues.imports._import_records import Fields
from trueup.queues.sources._fields import raw_records
from trueup.queues.sources._items import NewItem
from trueup.queues.sources._outside import Frozen, freeze
from trueup.queues.sources._source_records import read_shown
from trueup.store import Store, content_hash
from trueup.store.queues import QueueRow
from trueup.store.scores import get_scores
from trueup.store.traces import cohorts as known_cohorts
from trueup.store.traces import list_traces
from trueup.types import ItemAnswer, Message, Score, Span, Trace

if TYPE_CHECKING:
    from trueup.datasets import Dataset

__all__ = [
    "Added",
    "Exchanged",
    "Failed",
    "Wanted",
    "from_records",
    "from_rows",
    "from_spans",
    "from_traces",
    "sampled",
]

_PAGE = 500
_MAX_NAME = 100  # what the store's columns hold

Failed = Callable[[Mapping[str, Score]], Sequence[str]]
"""What says which evaluators a trace failed, of its scores by evaluator."""


class Exchanged(Protocol):
    """What a span was given and returned; see `trueup.traces.Exchange`."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """What it was given."""
        ...

    @property
    def answer(self) -> str:
        """What it returned."""
        ...

    @property
    def context(self) -> tuple[str, ...]:
        """The passages beside it."""
        ...


@dataclass(frozen=True, slots=True)
class Added:
    """What adding to a queue did.

    Attributes:
        items: how many are new.
        there_already: how many the queue had.
        left_out: how many were found and are no items, by reason.
        rejected: (number, reason) of records that cannot be read and were left out.
    """

    items: int
    there_already: int
    left_out: Mapping[str, int]
    rejected: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which traces are looked at.

    Attributes:
        cohorts: only of these; None is all.
        source: only from this file or part; None is any.
        failed: names the evaluators that a trace failed; those that failed none are left out.
    """

    cohorts: Sequence[str] | None = None
    source: str | None = None
    failed: Failed | None = None


def from_traces(store: Store, wanted: Wanted, left_out: Counter[str]) -> Iterator[NewItem]:
    """Yield an item for each trace: what was served, to be judged alone."""
    for trace, failures in _traces(store, wanted, left_out):
        reason = f"failed:{failures[0]}"[:_MAX_NAME] if failures else "sampled"
        if not trace.answer.strip():
            left_out["no answer"] += 1
            continue
        yield NewItem.from_trace(trace, reason=reason)


def from_spans(
    store: Store,
    wanted: Wanted,
    left_out: Counter[str],
    *,
    name: str | None,
    read: Callable[[Span], Exchanged | None],
) -> Iterator[NewItem]:
    """Yield an item for each span: what it returned to what it was given.

    Args:
        store: where.
        wanted: of which traces.
        left_out: counted up.
        name: only spans of this name; None is every one.
        read: what a span was given and returned, or None where it does not say.
    """
    for trace, _ in _traces(store, wanted, left_out, with_spans=True):
        for span in trace.spans:
            if name not in (None, span.name):
                continue
            found = read(span)
            if found is None or not found.answer.strip():
                left_out["a span without input or output"] += 1
                continue
            answer = ItemAnswer("a", found.answer, f"span:{span.span_id}"[:_MAX_NAME])
            yield replace(
                NewItem.from_trace(trace, reason=f"span:{span.name}"[:_MAX_NAME]),
                messages=found.messages,
                answers=(answer,),
                context=found.context or trace.context,
                expected=None,  # that is the trace's, not the span's
            )


def from_rows(dataset: Dataset, split: str | None, *, alone: bool) -> Iterator[NewItem]:
    """Yield an item for each row of a dataset: chosen beside rejected, or the chosen one alone."""
    reason = f"dataset:{dataset.name}@{dataset.version}"[:_MAX_NAME]
    for row in dataset.rows(split=split):
        made = row.preference
        named = [("chosen", made.chosen)]
        if made.rejected is not None and not alone:
            named = sorted([*named, ("rejected", made.rejected)], key=lambda e: content_hash(e[1]))
        yield NewItem(
            trace_id=made.trace_id,
            conversation_id=made.conversation_id,
            cohort=made.cohort,
            messages=made.messages,
            answers=tuple(
                ItemAnswer(key, text, name) for key, (name, text) in zip("ab", named, strict=False)
            ),
            reason=reason,
            question_type=made.question_type,
            family=made.family,
            context=made.context,
            expected=made.expected,
        )


def from_records(
    queue: QueueRow, records: Path | Iterable[Any], fields: Fields, source: str
) -> Iterator[tuple[int, Frozen | str]]:
    """Yield the items of records with their numbers from 1, or what is wrong with one.

    Raises:
        InputError: a file cannot be read.
    """
    values = raw_records(records) if isinstance(records, Path) else records
    for number, raw in enumerate(values, 1):
        try:
            yield number, freeze(queue, read_shown(raw, fields), source)
        except TrueupError as error:
            yield number, str(error)


def sampled(items: Sequence[NewItem], count: int | None, seed: int) -> list[NewItem]:
    """Return so many of the items drawn at random, each knowing how likely that was; None is all.

    Raises:
        InputError: the count is below 1.
    """
    if count is None or count >= len(items):
        return list(items)
    if count < 1:
        raise InputError(f"sample is {count}; give 1 or more")
    drawn = random.Random(seed).sample(range(len(items)), count)
    share = count / len(items)
    return [replace(items[place], inclusion=share) for place in sorted(drawn)]


def _traces(
    store: Store, wanted: Wanted, left_out: Counter[str], *, with_spans: bool = False
) -> Iterator[tuple[Trace, Sequence[str]]]:
    """Yield the traces that are wanted, with what they failed, a page at a time."""
    _check_cohorts(store, wanted)
    for cohort in wanted.cohorts or (None,):
        after: str | None = None
        while True:
            with store.reading() as tx:
                page = list_traces(
                    tx,
                    cohort=cohort,
                    source=wanted.source,
                    limit=_PAGE,
                    after=after,
                    with_spans=with_spans,
                )
                ids = [trace.id for trace in page]
                scores = {} if wanted.failed is None else get_scores(tx, "trace", ids)
            if not page:
                break
            after = page[-1].id
            for trace in page:
                failures: Sequence[str] = ()
                if wanted.failed is not None:
                    failures = wanted.failed(scores.get(trace.id, {}))
                    if not failures:
                        left_out["not failed" if trace.id in scores else "not scored"] += 1
                        continue
                yield trace, failures


def _check_cohorts(store: Store, wanted: Wanted) -> None:
    with store.reading() as tx:
        known = known_cohorts(tx)
    if unknown := [name for name in wanted.cohorts or () if name not in known]:
        raise UnknownName(
            f"no trace of cohort {unknown[0]!r} in {store.address}: there are "
            f"{', '.join(known) or 'none yet'}"
        )
