"""`trueup trace`: bring traces in, and look at them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.cli._progress import progress_bar
from trueup.errors import InputError, TraceRejected, UnknownName
from trueup.store import Store, Tx
from trueup.store.reads import log_read_of_trace
from trueup.store.stamp import stamp
from trueup.store.traces import cohorts, count_traces, get_trace, list_traces
from trueup.traces import BadLine, ImportResult, import_file, record_of, rejection
from trueup.types import Trace

__all__ = ["app"]

app = App(name="trace")

_SHOWN = 60  # characters of an answer in a table
_MOST = 1_000_000  # traces in one listing


@app.command(name="import")
def import_(
    file: Path,
    /,
    *,
    cohort: str = "default",
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a file of traces into the store; the same file twice gives no duplicates.

    Lines that cannot be read are left out and named on standard error; they are an error, unless
    --skip-bad is given, but all others are kept.

    Args:
        file: One JSON object a line: a span tree, OTLP/JSON, or a plain record.
        cohort: The cohort of traces that name none.
        skip_bad: Rejected lines are no error.
    """
    if not file.is_file():
        what = "it is no file" if file.exists() else "no such file"
        raise InputError(f"cannot read {file}: {what}; check its name")

    def on_bad(bad: BadLine) -> None:
        print(f"{file}:{bad.line}: {bad.reason}", file=sys.stderr)  # noqa: T201 - to standard error

    actor, now = stamp()
    with Store.open(store) as opened, progress_bar(f"importing {file.name}") as progress:
        result = import_file(
            opened,
            file,
            cohort_default=cohort,
            skip_bad=True,
            actor=actor,
            now=now,
            progress=progress,
            on_bad=on_bad,
        )
    _show_import(result, as_json)
    if result.rejected and not skip_bad:
        raise TraceRejected(rejection(file, result))


@app.command(name="list")
def list_(
    *,
    cohort: str | None = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=_MOST))] = 50,
    after: str | None = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List traces, in the order of their ids.

    Args:
        cohort: Only this cohort's.
        limit: At most so many.
        after: Only those beyond this id.
    """
    with open_store(store) as opened, opened.reading() as tx:
        check_cohort(tx, cohort)
        traces = list_traces(tx, cohort=cohort, limit=limit, after=after)
        total = count_traces(tx, cohort=cohort)
    if as_json:
        show_json([record_of(trace) for trace in traces])
        return
    show_table(
        ("trace", "cohort", "question type", "model", "answer"),
        [(t.id, t.cohort, t.question_type, t.model, _short(t.answer)) for t in traces],
    )
    say(f"{len(traces)} of {total} traces")


@app.command
def show(trace_id: str, /, *, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show one trace.

    Args:
        trace_id: Its id.
    """
    with open_store(store) as opened:
        with opened.reading() as tx:
            trace = get_trace(tx, trace_id)
        log_read_of_trace(opened, trace_id)
    if as_json:
        show_json(record_of(trace))
    else:
        _show_trace(trace)


def check_cohort(tx: Tx, cohort: str | None) -> None:
    """Hold a cohort's name against those that have traces.

    Raises:
        UnknownName: there is none of that name.
    """
    known = cohorts(tx)
    if cohort is not None and cohort not in known:
        there = ", ".join(known) or "none: import traces first"
        raise UnknownName(f"no cohort {cohort!r}: there are {there}")


def _show_import(result: ImportResult, as_json: bool) -> None:
    if as_json:
        show_json(asdict(result))
        return
    say(f"{result.imported} imported, {result.duplicates} duplicates, {result.rejected} rejected")
    if result.ignored:
        keys = ", ".join(f"{key} ({count})" for key, count in result.ignored.items())
        say(f"keys that are not read, with how many records have them: {keys}")


def _show_trace(trace: Trace) -> None:
    show_facts(
        {
            "trace": trace.id,
            "conversation": trace.conversation_id,
            "cohort": trace.cohort,
            "question type": trace.question_type,
            "family": trace.family,
            "model": trace.model,
            "started": trace.started_at,
            "latency, ms": trace.latency_ms,
            "prompt tokens": trace.prompt_tokens,
            "completion tokens": trace.completion_tokens,
            "spans": len(trace.spans),
        }
    )
    for message in trace.messages:
        say(f"\n[{message['role']}] {message['content'] or ''}".rstrip())
    for passage in trace.context:
        say(f"\n[context] {passage}")
    say(f"\n[answer] {trace.answer}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
