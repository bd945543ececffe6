"""Server-sent events: what happens to a queue, for pages and programs that wait for it."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from trueup.errors import TrueupError
from trueup.people import Actor, permissions_of
from trueup.queues import AnnotationQueue
from trueup.web._access import served, signed_in, visible
from trueup.web._params import Name, Reader
from trueup.web._queues import queue_named
from trueup.web.events._changes import Broadcast, Told

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["queues"])

_BEAT = 20.0  # seconds between two looks at whether the one who listens still may


def _queue(request: Request, actor: Reader, name: Name) -> AnnotationQueue:
    return queue_named(served(request), actor, name)


async def _seat(request: Request, actor: Reader) -> AsyncIterator[Broadcast]:
    changes: Broadcast = request.app.state.changes
    with changes.seat(actor.name):
        yield changes


@router.get("/queues/{name}/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    actor: Reader,
    queue: Annotated[AnnotationQueue, Depends(_queue)],
    changes: Annotated[Broadcast, Depends(_seat)],
    last_event_id: Annotated[str, Header(max_length=40)] = "",
) -> AsyncIterable[ServerSentEvent]:
    """Tell what happens to a queue as it happens.

    Events are `change` (ids of what changed, with its place in the log as the event's id), `counts`
    (how far the queue is) and `reset` (too much was missed: read the queue again). `Last-Event-ID`
    goes on from there.
    """
    digits = last_event_id.isascii() and last_event_id.isdecimal()
    after = min(int(last_event_id), 2**62) if digits else None
    async for told in changes.listen(queue, after, _BEAT):
        if not told and not await run_in_threadpool(_still_may, request, queue):
            return
        for one in told:
            yield _event(one, actor)


def _still_may(request: Request, queue: AnnotationQueue) -> bool:
    """Return whether the one who listens may still see the queue, as it is set now."""
    del request.state.actor
    try:
        actor = signed_in(request)
        now = AnnotationQueue.get(queue.name, store=served(request))
    except TrueupError:
        return False
    return actor is not None and visible(actor, now)


def _event(told: Told, actor: Actor) -> ServerSentEvent:
    if told.counts is not None:
        return ServerSentEvent(event="counts", data=told.counts)
    change = told.change
    if change is None:
        return ServerSentEvent(event="reset", data={})
    data: dict[str, Any] = {
        "number": change.number,
        "action": change.action,
        "noun": change.noun,
        "id": change.object_id,
        "at": change.created_at.isoformat(),
    }
    # who did it would tell a reviewer how the others go about an item before they have seen it
    if change.actor == actor.name or "read_quality" in permissions_of(actor):
        data["actor"] = change.actor
    return ServerSentEvent(event="change", id=str(change.position), data=data)
