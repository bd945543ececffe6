"""Webhooks as a page: made, tried, resumed and removed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from trueup.errors import TrueupError
from trueup.people import Actor
from trueup.queues import list_queues
from trueup.store import Store
from trueup.web._access import allowed, checked_form
from trueup.web._params import Opened
from trueup.web._render import page, status_of
from trueup.web.events._webhook_api import Key
from trueup.webhooks import (
    add_webhook,
    list_webhooks,
    remove_webhook,
    resume_webhook,
    try_webhook,
)

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[Depends(allowed("manage_webhooks"))])

Admin = Annotated[Actor, Depends(allowed("manage_webhooks"))]
Field = Annotated[str, Form(max_length=2000)]


@router.get("/webhook")
def webhooks(request: Request, store: Opened) -> Response:
    """Show the webhooks with how far each is."""
    return _page(request, store)


@router.post("/webhook", dependencies=[Depends(checked_form)])
def add(
    request: Request,
    store: Opened,
    actor: Admin,
    url: Field,
    queue: Field = "",
    actions: Field = "",
) -> Response:
    """Make a webhook, and show its secret once."""
    names = actions.replace(",", " ").split()
    try:
        made = add_webhook(
            store,
            url,
            actions=names,
            queue=queue or None,
            networks=request.app.state.sending.networks,
            actor=actor.name,
        )
    except TrueupError as error:
        return _page(request, store, error=str(error), url=url, status=status_of(error))
    return _page(request, store, secret=made.secret)


@router.post("/webhook/{key}/test", dependencies=[Depends(checked_form)])
def test(request: Request, store: Opened, actor: Admin, key: Key) -> Response:
    """Send a message now, and show what came of it."""
    networks = request.app.state.sending.networks
    failed = try_webhook(store, key, networks=networks, actor=actor.name)
    said = "It arrived." if not failed else ""
    return _page(request, store, said=said, error=failed)


@router.post("/webhook/{key}/resume", dependencies=[Depends(checked_form)])
def resume(store: Opened, actor: Admin, key: Key) -> Response:
    """Send a webhook that was disabled what waits for it."""
    resume_webhook(store, key, actor=actor.name)
    return RedirectResponse("/webhook", status_code=303)


@router.post("/webhook/{key}/remove", dependencies=[Depends(checked_form)])
def remove(store: Opened, actor: Admin, key: Key) -> Response:
    """Remove a webhook."""
    remove_webhook(store, key, actor=actor.name)
    return RedirectResponse("/webhook", status_code=303)


def _page(
    request: Request,
    store: Store,
    *,
    secret: str = "",
    said: str = "",
    error: str = "",
    url: str = "",
    status: int = 200,
) -> Response:
    return page(
        request,
        "webhooks.html",
        status=status,
        hooks=list_webhooks(store),
        queues=[queue.name for queue in list_queues(store=store)],
        secret=secret,
        said=said,
        error=error,
        url=url,
    )
