"""The REST API of agreement, of how the work goes, and of the items behind a figure."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from trueup.errors import QueueError
from trueup.queues import AnnotationQueue
from trueup.web._params import Judge, Name, Opened
from trueup.web._queues import queue_named
from trueup.web.quality._figures import Held, figures_of
from trueup.web.quality._quality import quality_held, report_held
from trueup.web.quality._quality_shapes import Asked, Looked, blind_to, match_out

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["quality"])

_PATIENCE = 60.0  # seconds


@router.get("/queues/{name}/agreement")
def agreement(
    request: Request, store: Opened, actor: Judge, name: Name, asked: Annotated[Asked, Query()]
) -> dict[str, Any]:
    """Return how far a queue's reviewers agree, with when that was worked out."""
    queue = queue_named(store, actor, name)
    held = report_held(figures_of(request), queue, asked.filters(), wait=_PATIENCE)
    found = _there(queue, held)
    report: dict[str, Any] = found.result().report.to_json()
    return report | {"worked_out_at": found.at.isoformat(), "seconds": found.seconds}


@router.get("/queues/{name}/activity")
def activity(request: Request, store: Opened, actor: Judge, name: Name) -> dict[str, Any]:
    """Return how a queue's work goes, with when that was worked out."""
    queue = queue_named(store, actor, name)
    found = _there(queue, quality_held(figures_of(request), queue, wait=_PATIENCE))
    told: dict[str, Any] = found.result().activity.to_json()
    return told | {"worked_out_at": found.at.isoformat(), "seconds": found.seconds}


@router.get("/queues/{name}/items")
def items(
    store: Opened, actor: Judge, name: Name, asked: Annotated[Looked, Query()]
) -> dict[str, Any]:
    """Return a page of the items behind a figure, with their labels.

    Who may still label an item does not see its labels.
    """
    queue = queue_named(store, actor, name)
    found = queue.matches(**asked.options(), blind_to=blind_to(actor), actor=actor.name)
    return {
        "items": [match_out(match) for match in found.items],
        "page": found.page,
        "more": found.more,
    }


def _there(queue: AnnotationQueue, held: Held | None) -> Held:
    if held is None:
        raise QueueError(f"queue {queue.name}: its figures are still being worked out; ask again")
    return held
