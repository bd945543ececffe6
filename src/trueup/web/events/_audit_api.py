"""The audit log over the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from trueup.store.events import EventFilter, latest_events
from trueup.web._access import allowed
from trueup.web._params import Auditor, Opened
from trueup.web.events._log import chain_out, event_out, export_file

__all__ = ["Text", "router"]


router = APIRouter(
    prefix="/api/audit", tags=["audit"], dependencies=[Depends(allowed("read_audit"))]
)

Text = Annotated[str | None, Query(max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VerifyIn(_Strict):
    """A head that was noted earlier, or nothing."""

    head: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


class ExportIn(_Strict):
    """What kind of file, and of what time."""

    format: Literal["jsonl", "csv", "parquet"] = "jsonl"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


@router.get("")
def events(
    store: Opened,
    noun: Text = None,
    object: Text = None,
    by: Text = None,
    action: Text = None,
    safety: bool | None = None,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Return who did what, the newest first; `next` is the `before` of the page that follows."""
    wanted = EventFilter(noun, object, by, action, safety)
    with store.reading() as tx:
        found = latest_events(tx, wanted, before=before, limit=limit)
    after = found[-1].number if len(found) == limit else None
    return {"events": [event_out(event) for event in found], "next": after}


@router.get("/chain")
def chain(request: Request, store: Opened) -> dict[str, Any]:
    """Return how far the chain was verified since the service started, and its unsealed tail."""
    return chain_out(request.app.state.watch.look(store))


@router.post("/verify")
def verify(request: Request, store: Opened, given: VerifyIn) -> dict[str, Any]:
    """Seal what has no seal, and verify all of the log."""
    return chain_out(request.app.state.watch.verify(store, given.head))


@router.post("/export", response_class=FileResponse)
def export(store: Opened, actor: Auditor, given: ExportIn) -> FileResponse:
    """Return who labelled which safety-sensitive example, what came of it, and who read it."""
    return export_file(store, given.format, actor.name, given.since, given.until)
