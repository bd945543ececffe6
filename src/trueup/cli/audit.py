"""`trueup audit`: the log of who did what, and whether it is whole."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.errors import StoreError
from trueup.queues import export_evidence
from trueup.store.events import Event, list_events, seal_events, verify_chain

__all__ = ["app"]

app = App(name="audit")


@app.command
def verify(
    *, head: str | None = None, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Seal the events that have no seal, and hold all against the chain; a fault is an error.

    Args:
        head: A head that was printed earlier and noted elsewhere: without one, a log whose end was
            cut off looks like a shorter log.
    """
    with open_store(store) as opened:
        with opened.transaction() as tx:  # apart, so that nobody waits while all is hashed
            new = seal_events(tx, back=None)
        with opened.reading() as tx:
            chain = verify_chain(tx, head=head)
        where = opened.address
    found = asdict(chain) | {"sealed_now": new}
    if as_json:
        show_json(found)
    else:
        show_facts({name.replace("_", " "): value for name, value in found.items()})
    if chain.fault:
        raise StoreError(
            f"audit log of {where}: {chain.fault}; "
            "find out who can write to the database, and compare with a backup"
        )


@app.command
def show(
    *,
    object_id: Annotated[str | None, Parameter(name="--object")] = None,
    safety: Annotated[bool, Parameter(negative="")] = False,
    after: int = 0,
    limit: int | None = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who did what, in the order it was written.

    Args:
        object_id: Only what was done to the object of this id.
        safety: Only what touches safety-labelled data.
        after: Only events after this number.
        limit: As many at the most.
    """
    with open_store(store) as opened, opened.reading() as tx:
        wanted = True if safety else None
        events = list(list_events(tx, object_id=object_id, safety=wanted, after=after, limit=limit))
    if as_json:
        show_json([asdict(event) for event in events])
        return
    columns = ("number", "when (UTC)", "actor", "did", "noun", "object", "detail")
    show_table(columns, [_cells(event) for event in events])


@app.command
def export(
    *,
    out: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write who labelled which safety-sensitive example, what came of it, and who read it.

    Args:
        out: The file: .jsonl, .csv or .parquet.
        since: Only from this time on (UTC unless it says otherwise).
        until: Only before this time.
        force: Overwrite a file that is there.
    """
    with open_store(store) as opened:
        made = export_evidence(opened, out, since=_utc(since), until=_utc(until), overwrite=force)
    if as_json:
        show_json(made.to_json())
        return
    say(f"{made.labels} labels and {made.events} events written to {out}")
    show_facts({"head": made.head, "sha256": made.sha256})


def _utc(when: datetime | None) -> datetime | None:
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _cells(event: Event) -> tuple[object, ...]:
    when = f"{event.created_at:%Y-%m-%d %H:%M:%S}"
    done = (event.actor, event.action, event.noun, event.object_id)
    return (event.number, when, *done, dumps(event.detail, ensure_ascii=False))
