"""The REST API of second looks: what is settled, checked and known of a queue's labels."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from trueup.queues import Feedback
from trueup.web._params import Judge, Labeller, Manager, Name, Opened, Senior
from trueup.web._queues import queue_named
from trueup.web._shapes import Strict, annotation_out

__all__ = ["feedback_out", "router"]

router = APIRouter(prefix="/api", tags=["second looks"])


class ReferIn(Strict):
    """Items that a senior reviewer is to settle."""

    items: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64)]],
        Field(min_length=1, max_length=10_000),
    ]


class DrawIn(Strict):
    """A draw of spot checks; see `AnnotationQueue.draw_spot_checks`."""

    share: Annotated[float, Field(gt=0, le=1)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


@router.post("/queues/{name}/refer")
def refer(store: Opened, actor: Senior, name: Name, given: ReferIn) -> dict[str, int]:
    """Have a senior reviewer settle items."""
    return {"new": queue_named(store, actor, name).refer(given.items, actor=actor.name)}


@router.post("/queues/{name}/spot-checks")
def draw(store: Opened, actor: Manager, name: Name, given: DrawIn) -> dict[str, int]:
    """Draw labels for a second look."""
    queue = queue_named(store, actor, name)
    drawn = queue.draw_spot_checks(**given.model_dump(), actor=actor.name)
    return {"new": drawn}


@router.get("/queues/{name}/reliability")
def reliability(store: Opened, actor: Judge, name: Name) -> list[dict[str, Any]]:
    """Return how each reviewer's labels fare against gold, checks and adjudications."""
    return [found.to_json() for found in queue_named(store, actor, name).reliability()]


@router.get("/queues/{name}/feedback")
def feedback(store: Opened, actor: Labeller, name: Name) -> list[dict[str, Any]]:
    """Return the caller's labels that a senior reviewer looked at."""
    queue = queue_named(store, actor, name)
    return [feedback_out(one) for one in queue.feedback(actor.name)]


def feedback_out(one: Feedback) -> dict[str, Any]:
    """Return a label beside what it is held against."""
    return {
        "kind": one.kind,
        "agrees": one.agrees,
        "given": annotation_out(one.given),
        "right": annotation_out(one.right),
    }
