"""The pages of second looks: settling, checking, and what a reviewer is told of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from trueup.store.items import list_items
from trueup.web._access import checked_form
from trueup.web._label_page import label_page
from trueup.web._params import Labeller, Manager, Opened, Senior
from trueup.web._queues import queue_of
from trueup.web._render import page
from trueup.web._shapes import item_out

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_SHOWN = 100  # the latest labels that a reviewer is told of


@router.get("/queue/{key}/adjudicate")
def adjudicate(request: Request, store: Opened, actor: Senior, key: str) -> Response:
    """Show the page that settles what reviewers disagree on."""
    return label_page(request, store, actor, key, "adjudication")


@router.get("/queue/{key}/check")
def check(request: Request, store: Opened, actor: Senior, key: str) -> Response:
    """Show the page that labels again what was drawn for a second look."""
    return label_page(request, store, actor, key, "spot_check")


@router.post("/queue/{key}/refer", dependencies=[Depends(checked_form)])
def refer(
    store: Opened, actor: Senior, key: str, item: Annotated[str, Form(max_length=64)]
) -> Response:
    """Have a senior reviewer settle an item."""
    queue_of(store, actor, key).refer([item], actor=actor.name)
    return RedirectResponse(f"/item/{item}", status_code=303)


@router.post("/queue/{key}/spot-checks", dependencies=[Depends(checked_form)])
def draw(
    store: Opened,
    actor: Manager,
    key: str,
    percent: Annotated[float, Form(gt=0, le=100)],
) -> Response:
    """Draw labels of the last week for a second look."""
    queue_of(store, actor, key).draw_spot_checks(percent / 100, actor=actor.name)
    return RedirectResponse(f"/queue/{key}", status_code=303)


@router.get("/queue/{key}/feedback")
def feedback(request: Request, store: Opened, actor: Labeller, key: str) -> Response:
    """Show a reviewer their labels that a senior reviewer looked at, the latest first."""
    queue = queue_of(store, actor, key)
    told = queue.feedback(actor.name)
    latest = told[::-1][:_SHOWN]
    with store.reading() as tx:
        items = {item.id: item for item in list_items(tx, ids={o.given.item_id for o in latest})}
    shown = [(one, item_out(items[one.given.item_id], one.given.shown)) for one in latest]
    agreed = sum(one.agrees for one in told)
    return page(request, "feedback.html", queue=queue, told=shown, agreed=agreed, of=len(told))
