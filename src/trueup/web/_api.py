"""The REST API: one handler an action, each of which calls one function."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from trueup.people import Actor, require
from trueup.queues import AnnotationQueue, Claim, list_queues
from trueup.store import Store
from trueup.store.slots import Asking
from trueup.web._access import visible
from trueup.web._params import AtDesk, Labeller, Manager, Name, Opened, Reader
from trueup.web._queues import queue_named
from trueup.web._shapes import (
    ClaimIn,
    KindIn,
    LabelIn,
    QueueIn,
    QueueSet,
    Reason,
    annotation_out,
    claim_out,
    given_out,
    queue_out,
)
from trueup.web.quality._figures import figures_of
from trueup.web.quality._quality import stats_held

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["queues"])

ItemId = Annotated[str, Path(min_length=1, max_length=64)]
_LABEL = KindIn()


@router.get("/me")
def me(actor: Reader) -> dict[str, Any]:
    """Return who is signed in."""
    return {"name": actor.name, "role": actor.member.role, "tags": list(actor.member.tags)}


@router.get("/queues")
def queues(store: Opened, actor: Reader) -> list[dict[str, Any]]:
    """Return the queues that the caller may see."""
    return [queue_out(queue) for queue in list_queues(store=store) if visible(actor, queue)]


@router.post("/queues", status_code=201)
def create(store: Opened, actor: Manager, given: QueueIn) -> dict[str, Any]:
    """Make a queue."""
    asked = None if given.questions is None else [q.question() for q in given.questions]
    made = AnnotationQueue.create(
        given.name,
        overlap=given.overlap or 3,
        stream=given.stream,
        questions=asked,
        settings=given.settings(),
        store=store,
        actor=actor.name,
    )
    if given.guidelines or given.state:
        made.configure(state=given.state, guidelines=given.guidelines, actor=actor.name)
    return queue_out(made)


@router.get("/queues/{name}")
def show(request: Request, store: Opened, actor: Reader, name: Name) -> dict[str, Any]:
    """Return a queue with how far it has come."""
    queue = _queue(store, actor, name)
    held = stats_held(figures_of(request), queue, wait=60)
    return queue_out(queue) | {"stats": None if held is None else held.result().to_json()}


@router.patch("/queues/{name}")
def change(store: Opened, actor: Manager, name: Name, given: QueueSet) -> dict[str, Any]:
    """Change what of a queue may change."""
    queue = _queue(store, actor, name)
    queue.configure(**given.model_dump(exclude_none=True), actor=actor.name)
    return queue_out(queue)


@router.post("/queues/{name}/audit")
def audit(store: Opened, actor: Manager, name: Name) -> dict[str, Any]:
    """Measure how far the labels agree, and store what was found."""
    return _queue(store, actor, name).audit(actor=actor.name).to_json()


@router.get("/queues/{name}/annotations")
def labels(store: Opened, actor: Manager, name: Name) -> list[dict[str, Any]]:
    """Return the standing labels."""
    found = _queue(store, actor, name).annotations(actor=actor.name)
    return [annotation_out(given) for given in found]


@router.post("/queues/{name}/claim")
async def claim(desk: AtDesk, name: Name, given: ClaimIn) -> dict[str, Any]:
    """Reserve the next item, or return the one that the caller holds."""

    def work(store: Store, actor: Actor) -> dict[str, Any]:
        queue, now = _queue(store, actor, name, given.kind), datetime.now(UTC)
        tags = actor.member.tags
        held = queue.claim(actor.name, kind=given.kind, tags=tags, beside=given.beside, now=now)
        return _in_hand(queue, held, now)

    return await desk(work)


@router.post("/queues/{name}/undo")
async def undo(desk: AtDesk, name: Name, given: KindIn = _LABEL) -> dict[str, Any]:
    """Return the item that the caller labelled last, with the label, to give another one."""

    def work(store: Store, actor: Actor) -> dict[str, Any]:
        queue, now = _queue(store, actor, name, given.kind), datetime.now(UTC)
        return _in_hand(queue, queue.undo(actor.name, kind=given.kind, now=now), now)

    return await desk(work)


@router.post("/queues/{name}/items/{item}/label", status_code=201)
async def label(desk: AtDesk, name: Name, item: ItemId, given: LabelIn) -> dict[str, Any]:
    """Label an item; the same label twice is one."""

    def work(store: Store, actor: Actor) -> dict[str, Any]:
        made = _queue(store, actor, name, given.kind).submit(
            item,
            actor.name,
            given.label(),
            kind=given.kind,
            replaces=given.replaces,
            shown=given.shown,
        )
        return given_out(made)

    return await desk(work)


@router.post("/queues/{name}/items/{item}/skip", status_code=204)
def skip(store: Opened, actor: Labeller, name: Name, item: ItemId, given: Reason) -> None:
    """Give an item back for others, with the reason."""
    _queue(store, actor, name).skip(item, actor.name, given.reason)


@router.post("/queues/{name}/items/{item}/release", status_code=204)
def release(store: Opened, actor: Labeller, name: Name, item: ItemId) -> None:
    """Give a reservation back."""
    _queue(store, actor, name).release(item, actor.name)


def _in_hand(queue: AnnotationQueue, held: Claim, now: datetime) -> dict[str, Any]:
    beside = queue.guideline() or queue.settings.description
    return claim_out(held, beside, now, queue.context_of(held.item))


def _queue(store: Store, actor: Actor, name: str, kind: Asking = "label") -> AnnotationQueue:
    if kind != "label":
        require(actor, "adjudicate")
    return queue_named(store, actor, name)
