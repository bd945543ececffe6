"""Webhooks over the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from trueup.people import Actor
from trueup.web._access import allowed
from trueup.web._params import Opened
from trueup.webhooks import (
    Sending,
    Webhook,
    add_webhook,
    list_webhooks,
    remove_webhook,
    resume_webhook,
    try_webhook,
)

__all__ = ["Key", "router", "webhook_out"]

router = APIRouter(
    prefix="/api/webhooks", tags=["webhooks"], dependencies=[Depends(allowed("manage_webhooks"))]
)

Admin = Annotated[Actor, Depends(allowed("manage_webhooks"))]
Key = Annotated[str, Path(min_length=1, max_length=64)]


class WebhookIn(BaseModel):
    """Where queue changes are to be sent; see `trueup.webhooks.add_webhook`."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    actions: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)] = []
    queue: Annotated[str, Field(min_length=1, max_length=200)] | None = None


@router.get("")
def webhooks(store: Opened) -> list[dict[str, Any]]:
    """Return the webhooks with how far each is."""
    return [webhook_out(hook) for hook in list_webhooks(store)]


@router.post("", status_code=201)
def add(request: Request, store: Opened, actor: Admin, given: WebhookIn) -> dict[str, Any]:
    """Make a webhook; its secret is in this answer and in no other."""
    made = add_webhook(
        store,
        given.url,
        actions=given.actions,
        queue=given.queue,
        networks=_sending(request).networks,
        actor=actor.name,
    )
    return webhook_out(made.kept) | {"secret": made.secret}


@router.delete("/{key}", status_code=204)
def remove(store: Opened, actor: Admin, key: Key) -> None:
    """Remove a webhook with its secret and what waits for it."""
    remove_webhook(store, key, actor=actor.name)


@router.post("/{key}/resume")
def resume(store: Opened, actor: Admin, key: Key) -> dict[str, Any]:
    """Send a webhook that was disabled what waits for it."""
    return webhook_out(resume_webhook(store, key, actor=actor.name))


@router.post("/{key}/test")
def test(request: Request, store: Opened, actor: Admin, key: Key) -> dict[str, Any]:
    """Send a webhook a message now, and return why that failed, or ""."""
    error = try_webhook(store, key, networks=_sending(request).networks, actor=actor.name)
    return {"error": error}


def webhook_out(hook: Webhook) -> dict[str, Any]:
    """Return a webhook as JSON."""
    times = {name: when and when.isoformat() for name, when in _times(hook).items()}
    return asdict(hook) | times | {"actions": list(hook.actions)}


def _times(hook: Webhook) -> dict[str, Any]:
    return {"created_at": hook.created_at, "next_try": hook.next_try}


def _sending(request: Request) -> Sending:
    sending: Sending = request.app.state.sending
    return sending
