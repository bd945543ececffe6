"""Bring a trace file into the store, keeping every line that can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from trueup.errors import StoreError, TraceRejected
from trueup.store import Store, Tx
from trueup.store.traces import list_traces, put_trace
from trueup.traces.conventions import DEFAULT_COHORT
from trueup.traces.jsonl import BadLine, open_file, open_lines, parse_line
from trueup.types import Trace

__all__ = ["ImportResult", "import_file", "rejection"]

_BATCH = 200  # traces a transaction
_BATCH_BYTES = 8 * 2**20
_KEPT_BAD = 1000  # bad lines held in memory; the rest are counted


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a file's traces.

    Attributes:
        imported: new ones.
        duplicates: those that the store had already.
        rejected: lines, or traces on a line, that cannot be read.
        bad: the first 1,000 of the rejected, with why.
        ignored: keys of plain records that are not read, with in how many records they were.
    """

    imported: int
    duplicates: int
    rejected: int
    bad: tuple[BadLine, ...]
    ignored: Mapping[str, int]


def import_file(
    store: Store,
    path: str | Path,
    *,
    cohort_default: str = DEFAULT_COHORT,
    skip_bad: bool = False,
    actor: str,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
    on_bad: Callable[[BadLine], None] | None = None,
) -> ImportResult:
    """Read a trace file into the store; the same file twice gives no duplicates.

    It is read as a stream and written in batches. A line that cannot be read is left out, and so is
    a trace whose id the store has with other content.

    Args:
        store: where the traces go.
        path: the file; its name becomes the traces' source.
        cohort_default: the cohort of traces that name none.
        skip_bad: whether rejected lines are no error.
        actor: who writes.
        now: when, UTC.
        progress: called with the bytes that are done, and of how many.
        on_bad: called with each rejected line as it comes.

    Raises:
        InputError: the file cannot be read.
        TraceRejected: lines were rejected and `skip_bad` is False; all others are in the store.
    """
    tally = _Tally(on_bad)
    source = Path(path).name[:200]
    with open_file(path) as stream:
        total = Path(path).stat().st_size
        batch: list[tuple[int, Trace]] = []
        size = done = 0
        for line in open_lines(stream):
            for found in parse_line(line, cohort_default=cohort_default, ignored=tally.ignored):
                if isinstance(found, BadLine):
                    tally.reject(found)
                else:
                    batch.append((line.number, found))
            size, done = size + line.end - done, line.end
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                _write(store, batch, tally, source, actor, now)
                batch, size = [], 0
                if progress is not None:
                    progress(done, total)
        _write(store, batch, tally, source, actor, now)
    if progress is not None:
        progress(total, total)
    result = tally.result()
    if result.rejected and not skip_bad:
        raise TraceRejected(rejection(path, result))
    return result


def rejection(path: str | Path, result: ImportResult) -> str:
    """Return what to say of rejected lines: how many, the first of them, and what to do."""
    first = "; ".join(f"line {bad.line}: {bad.reason}" for bad in result.bad[:3])
    more = f"; and {result.rejected - 3} more" if result.rejected > 3 else ""
    return (
        f"{path}: {result.rejected} rejected ({first}{more}); the others are in the store: "
        "mend these and import again, or pass --skip-bad"
    )


class _Tally:
    def __init__(self, on_bad: Callable[[BadLine], None] | None) -> None:
        self.imported = self.duplicates = self.rejected = 0
        self.bad: list[BadLine] = []
        self.ignored: Counter[str] = Counter()
        self._on_bad = on_bad

    def reject(self, bad: BadLine) -> None:
        self.rejected += 1
        if len(self.bad) < _KEPT_BAD:
            self.bad.append(bad)
        if self._on_bad is not None:
            self._on_bad(bad)

    def result(self) -> ImportResult:
        bad = tuple(self.bad)
        return ImportResult(self.imported, self.duplicates, self.rejected, bad, dict(self.ignored))


def _write(
    store: Store,
    batch: list[tuple[int, Trace]],
    tally: _Tally,
    source: str,
    actor: str,
    now: datetime,
) -> None:
    if not batch:
        return
    with store.transaction() as tx:
        outcomes = [_put(tx, trace, source, actor, now) for _, trace in batch]
    for (number, trace), outcome in zip(batch, outcomes, strict=True):
        if outcome == "conflict":
            reason = f"trace {trace.id} is in the store with other content: give it another id"
            tally.reject(BadLine(number, reason))
        else:
            tally.imported += outcome == "new"
            tally.duplicates += outcome == "duplicate"


def _put(tx: Tx, trace: Trace, source: str, actor: str, now: datetime) -> str:
    if put_trace(tx, trace, source=source, checkpoint_id=None, actor=actor, now=now):
        return "new"
    try:
        (stored,) = list_traces(tx, ids=[trace.id], with_spans=bool(trace.spans))
    except StoreError:
        return "duplicate"  # its text was erased, and importing again must not bring it back
    # the cohort may come from the command line, and so is no part of what the file says
    return "duplicate" if replace(trace, cohort=stored.cohort) == stored else "conflict"
