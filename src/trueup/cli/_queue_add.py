"""`trueup queue add`: items from traces, spans, rows of datasets and records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trueup.cli._named import find_dataset
from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_json
from trueup.errors import InputError
from trueup.queues import Added, AnnotationQueue
from trueup.store import Store

__all__ = ["add"]

Flag = Annotated[bool, Parameter(negative="")]
Names = Annotated[tuple[str, ...] | None, Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class From:
    """Where items come from, and which of what is there.

    Attributes:
        traces: From traces: what was served, to be judged alone.
        spans: From spans of this name, or of any where it is "*": what each returned.
        rows: From a dataset, NAME or NAME@VERSION: chosen beside rejected.
        records: From a file of JSON records, with answers or as they are.
        cohort: Only traces of these cohorts; give it several times.
        failed: Only traces that an evaluator failed.
        failed_by: Only those that one of these did; give it several times.
        sample: At most so many traces, spans or rows, drawn at random.
        seed: Of the draw.
        split: Only rows of "train" or "validation".
        alone: Of rows, show the chosen answer alone.
        prompt: The records' field with the prompt.
        answer: Their fields with the answers; give it several times.
        skip_bad: Leave bad records out and add the rest.
    """

    traces: Flag = False
    spans: str | None = None
    rows: str | None = None
    records: Path | None = None
    cohort: Names = None
    failed: Flag = False
    failed_by: Names = None
    sample: int | None = None
    seed: int = 0
    split: str | None = None
    alone: Flag = False
    prompt: str | None = None
    answer: Names = None
    skip_bad: Flag = False

    def place(self) -> str:
        """Return the one place that was given.

        Raises:
            InputError: there is none or several, or an option does not go with it.
        """
        given = [name for name in _OPTIONS if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            raise InputError("give one of --traces, --spans, --rows and --records")
        fitting = set(_OPTIONS[given[0]])
        others = {name for options in _OPTIONS.values() for name in options} - fitting
        for name in sorted(others):
            if getattr(self, name) not in (None, False):
                raise InputError(f"--{name.replace('_', '-')} does not go with --{given[0]}")
        return given[0]


_OPTIONS = {
    "traces": ("cohort", "failed", "failed_by", "sample"),
    "spans": ("cohort", "failed", "failed_by", "sample"),
    "rows": ("sample", "split", "alone"),
    "records": ("prompt", "answer", "skip_bad"),
}


def add(
    name: str,
    /,
    *,
    origin: From = From(),
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put items into a queue, from one place; the same twice is once.

    Args:
        name: The queue.
    """
    taken = _PLACES[origin.place()]
    with open_store(store) as opened:
        added = taken(opened, AnnotationQueue.get(name, store=opened), origin)
    if as_json:
        show_json(asdict(added))
        return
    for number, reason in added.rejected:
        say(f"record {number}: {reason}")
    say(f"{name}: {added.items} items added, {added.there_already} there already")
    for reason, count in added.left_out.items():
        say(f"  left out: {count} ({reason})")


def _traces(_: Store, queue: AnnotationQueue, origin: From) -> Added:
    return queue.add_traces(
        cohorts=origin.cohort, failed=_failing(origin), sample=origin.sample, seed=origin.seed
    )


def _spans(_: Store, queue: AnnotationQueue, origin: From) -> Added:
    from trueup.traces import read_exchange

    return queue.add_spans(
        read_exchange,
        name=None if origin.spans == "*" else origin.spans,
        cohorts=origin.cohort,
        failed=_failing(origin),
        sample=origin.sample,
        seed=origin.seed,
    )


def _rows(store: Store, queue: AnnotationQueue, origin: From) -> Added:
    return queue.add_rows(
        find_dataset(str(origin.rows), store),
        split=origin.split,
        alone=origin.alone,
        sample=origin.sample,
        seed=origin.seed,
    )


def _records(_: Store, queue: AnnotationQueue, origin: From) -> Added:
    return queue.add_records(
        Path(str(origin.records)),
        prompt=origin.prompt,
        answers=origin.answer,
        skip_bad=origin.skip_bad,
    )


_PLACES: Mapping[str, Callable[[Store, AnnotationQueue, From], Added]] = {
    "traces": _traces,
    "spans": _spans,
    "rows": _rows,
    "records": _records,
}


def _failing(origin: From) -> Any:
    """Return what names the evaluators that a trace failed; None where it does not matter."""
    if not origin.failed and origin.failed_by is None:
        return None
    from trueup.evals import failing

    return failing(origin.failed_by)
