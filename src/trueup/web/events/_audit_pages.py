"""The audit log as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from trueup.store.changes import last_position
from trueup.store.events import EventFilter, latest_events
from trueup.web._access import allowed, checked_form
from trueup.web._params import Auditor, Opened
from trueup.web._render import page
from trueup.web.events._audit_api import Text
from trueup.web.events._log import address_of, export_file

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[Depends(allowed("read_audit"))])

_ROWS = 50
_SHOWN = 600  # characters of an event's detail


@router.get("/audit")
def audit(
    request: Request,
    store: Opened,
    noun: Text = None,
    object: Text = None,
    by: Text = None,
    action: Text = None,
    safety: Literal["", "yes"] = "",
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> Response:
    """Show who did what, the newest first, and whether the log is whole."""
    asked = {"noun": noun, "object": object, "by": by, "action": action, "safety": safety}
    given = {name: value for name, value in asked.items() if value}
    wanted = EventFilter(
        noun or None, object or None, by or None, action or None, True if safety else None
    )
    with store.reading() as tx:
        found = latest_events(tx, wanted, before=before, limit=_ROWS + 1)
        last = last_position(tx)
    more = len(found) > _ROWS
    return page(
        request,
        "audit.html",
        last=last,
        chain=request.app.state.watch.look(store),
        asked={name: value or "" for name, value in asked.items()},
        events=[
            (one, address_of(one.noun, one.object_id), _short(one.detail)) for one in found[:_ROWS]
        ],
        older=urlencode(given | {"before": found[_ROWS - 1].number}) if more else "",
        newest=urlencode(given) if before is not None else None,
    )


def _short(detail: Mapping[str, Any]) -> str:
    """Return an event's detail as JSON, without its end where it names thousands of items."""
    text = json.dumps(detail, ensure_ascii=False) if detail else ""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


@router.post("/audit/verify", dependencies=[Depends(checked_form)])
def verify(request: Request, store: Opened) -> Response:
    """Seal what has no seal, verify all of the log, and show it."""
    request.app.state.watch.verify(store)
    return RedirectResponse("/audit", status_code=303)


@router.post("/audit/export", dependencies=[Depends(checked_form)])
def export(
    store: Opened, actor: Auditor, kind: Annotated[Literal["jsonl", "csv", "parquet"], Form()]
) -> Response:
    """Give the log's export as a file."""
    return export_file(store, kind, actor.name, None, None)
