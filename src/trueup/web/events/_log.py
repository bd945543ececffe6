"""The audit log as the API and the page show it, and how far it was verified."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from trueup.queues import export_evidence
from trueup.store import Store
from trueup.store.events import Chain, Event, seal_events, verify_chain, verify_on

__all__ = ["BIT_BY_BIT", "Watch", "address_of", "chain_out", "event_out", "export_file"]

_AT_ONCE = 5_000  # seals that are verified while a page waits
BIT_BY_BIT = 1_000
"""Seals that are verified in a second, beside all else."""

_PAGES = ("queue", "item", "annotation", "checkpoint", "trace")


class Watch:
    """How far the chain was verified since the service started."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: Chain | None = None

    def look(self, store: Store, limit: int = _AT_ONCE) -> Chain:
        """Verify what is new, so much at a time, and return what is known."""
        with self._lock, store.reading() as tx:
            self._found = verify_on(tx, self._found, limit=limit)
            return self._found

    def verify(self, store: Store, head: str | None = None) -> Chain:
        """Seal what has no seal yet and verify all of the log from its beginning."""
        with store.transaction() as tx:
            seal_events(tx, back=None)
        with store.reading() as tx:
            found = verify_chain(tx, head=head)
        with self._lock:
            self._found = found
        return found


def address_of(noun: str, object_id: str) -> str:
    """Return the address of an object's page, or "" where it has none."""
    if noun == "webhook":
        return f"/webhook#{object_id}"
    return f"/{noun}/{object_id}" if noun in _PAGES else ""


def event_out(event: Event) -> dict[str, Any]:
    """Return an event as JSON."""
    return asdict(event) | {"created_at": event.created_at.isoformat()}


def chain_out(chain: Chain) -> dict[str, Any]:
    """Return what verifying found as JSON."""
    return asdict(chain)


def export_file(
    store: Store, kind: str, actor: str, since: datetime | None, until: datetime | None
) -> FileResponse:
    """Return the log's export as a file to download, which is deleted once it was sent."""
    folder = Path(tempfile.mkdtemp(prefix="trueup-audit-"))
    try:
        name = f"audit.{kind}"
        made = export_evidence(store, folder / name, since=since, until=until, actor=actor)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        made.path,
        filename=name,
        headers={"X-Audit-Head": made.head, "X-Audit-Sha256": made.sha256},
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )
