"""Items into a queue, from wherever they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import InputError, QueueEmpty
from trueup.queues._base import QueueBase
from trueup.queues.imports._import_records import Fields
from trueup.queues.labels import _claims as claims
from trueup.queues.sources import _sources as sources
from trueup.queues.sources._items import NewItem, to_item
from trueup.queues.sources._outside import Frozen, put_traces
from trueup.queues.sources._sources import Added, Exchanged, Failed, Wanted
from trueup.store.stamp import Stamp, stamp
from trueup.types import Span

if TYPE_CHECKING:
    from trueup.datasets import Dataset

__all__ = ["Adding"]

_BATCH = 1000  # items in one transaction, so that others can write in between
_RECORDS = "record"


class Adding(QueueBase):
    """The part of a queue that takes items in; adding the same twice is adding it once."""

    def add_traces(
        self,
        *,
        cohorts: Sequence[str] | None = None,
        source: str | None = None,
        failed: Failed | None = None,
        sample: int | None = None,
        seed: int = 0,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Added:
        """Put traces into the queue: what was served, to be judged alone.

        Args:
            cohorts: only of these; None is all.
            source: only from this file or part; None is any.
            failed: given a trace's scores by evaluator, names those that it failed, as
                `trueup.evals.failed` does; a trace that failed none is left out.
            sample: at most so many, drawn at random; each knows how likely that was.
            seed: of the draw.
            actor: who adds.
            now: when.

        Raises:
            QueueEmpty: no trace fits.
            UnknownName: no trace is of such a cohort.
            InputError: an argument makes no sense.
        """
        left_out = Counter[str]()
        found = list(sources.from_traces(self._store, Wanted(cohorts, source, failed), left_out))
        return self._add("trace", found, left_out, sample, seed, stamp(actor, now))

    def add_spans(
        self,
        read: Callable[[Span], Exchanged | None],
        *,
        name: str | None = None,
        cohorts: Sequence[str] | None = None,
        source: str | None = None,
        failed: Failed | None = None,
        sample: int | None = None,
        seed: int = 0,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Added:
        """Put spans into the queue: what each returned to what it was given.

        Args:
            read: what a span was given and returned, as `trueup.traces.read_exchange` says it;
                None where it says not both.
            name: only spans of this name; None is every one.
            cohorts: only of traces of these; None is all.
            source: only of traces from this file or part; None is any.
            failed: only of traces that failed something; see `add_traces`.
            sample: at most so many, drawn at random; each knows how likely that was.
            seed: of the draw.
            actor: who adds.
            now: when.

        Raises:
            QueueEmpty, UnknownName, InputError: as `add_traces` does.
        """
        left_out = Counter[str]()
        wanted = Wanted(cohorts, source, failed)
        found = list(sources.from_spans(self._store, wanted, left_out, name=name, read=read))
        return self._add("span", found, left_out, sample, seed, stamp(actor, now))

    def add_rows(
        self,
        dataset: Dataset,
        *,
        split: str | None = None,
        alone: bool = False,
        sample: int | None = None,
        seed: int = 0,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Added:
        """Put the rows of a dataset version into the queue, to be judged once more.

        Args:
            dataset: a version of the same store.
            split: only of "train" or "validation"; None is both.
            alone: show the chosen answer alone, not beside the rejected one.
            sample: at most so many, drawn at random; each knows how likely that was.
            seed: of the draw.
            actor: who adds.
            now: when.

        Raises:
            QueueEmpty: it has no rows.
            InputError: an argument makes no sense.
        """
        found = list(sources.from_rows(dataset, split, alone=alone))
        return self._add("row", found, Counter(), sample, seed, stamp(actor, now))

    def add_records(
        self,
        records: str | Path | Iterable[Mapping[str, Any]],
        *,
        prompt: str | None = None,
        answers: Sequence[str] | None = None,
        skip_bad: bool = False,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Added:
        """Put records from outside into the queue, each on a trace made of what it shows.

        A record is a JSON object with a prompt (`prompt` or `messages`), its `answers` (a list, or
        by name), or `chosen` and `rejected`, or any of the usual names; without an answer it is
        itself what is judged. `context`, `tool_calls`, `scores` (by evaluator), `expected`,
        `cohort`, `question_type`, `conversation_id`, `family` and `tag` are what they are
        elsewhere; other fields are shown among the passages.

        Args:
            records: a file (JSON, JSON lines or Parquet), or the records themselves.
            prompt: the field with the prompt; None takes the usual names.
            answers: the fields with the answers; None takes the usual names.
            skip_bad: leave bad records out and report them.
            actor: who adds.
            now: when.

        Raises:
            QueueEmpty: there is none.
            InputError: a file cannot be read, or has bad records and `skip_bad` is False; then
                nothing is added.
        """
        given = stamp(actor, now)
        values = Path(records) if isinstance(records, str | Path) else records
        found: dict[str, Frozen] = {}
        bad: list[tuple[int, str]] = []
        number = 0
        fields = Fields(prompt, answers)
        for number, one in sources.from_records(self._row, values, fields, _RECORDS):
            if isinstance(one, str):
                bad.append((number, one))
            else:
                found.setdefault(one.item.id, one)
        if bad and not skip_bad:
            more = f" ({len(bad) - 1} more bad records)" if len(bad) > 1 else ""
            raise InputError(
                f"record {bad[0][0]}: {bad[0][1]}{more}; nothing was added, mend it or skip bad "
                "records"
            )
        if not number:
            raise QueueEmpty(f"queue {self.name}: there is no record; nothing was added")
        made, new = list(found.values()), 0
        for start in range(0, len(made), _BATCH):
            some = made[start : start + _BATCH]
            with self._store.transaction() as tx:
                put_traces(tx, some, _RECORDS, given)
                new += claims.put_items(tx, self._row, [one.item for one in some], given)
        return Added(new, number - len(bad) - new, {}, tuple(bad))

    def _add(
        self,
        what: str,
        found: Sequence[NewItem],
        left_out: Counter[str],
        sample: int | None,
        seed: int,
        stamp: Stamp,
    ) -> Added:
        if not found:
            reasons = ", ".join(f"{reason} ({n})" for reason, n in sorted(left_out.items()))
            why = reasons or "there is none that fits"
            raise QueueEmpty(f"queue {self.name}: no {what} makes an item: {why}")
        items = [to_item(new, self.id) for new in sources.sampled(found, sample, seed)]
        new = 0
        for start in range(0, len(items), _BATCH):
            with self._store.transaction() as tx:
                new += claims.put_items(tx, self._row, items[start : start + _BATCH], stamp)
        return Added(new, len(items) - new, dict(sorted(left_out.items())))
