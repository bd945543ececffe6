"""The pages: the loop, its queues, the labelling page, and every object at its own address."""

from __future__ import annotations

from typing import get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from trueup.errors import AccessDenied, UnknownName
from trueup.people import Actor, Permission, permissions_of
from trueup.queues import AnnotationQueue, list_queues
from trueup.release.lineage import backward_tree, forward_tree, trace_back, trace_forward
from trueup.store.annotations import list_annotations
from trueup.store.items import list_items, queues_on
from trueup.store.queues import latest_audit
from trueup.store.reads import log_read, log_read_of_trace
from trueup.store.slots import Asking, queues_with_open
from trueup.store.traces import get_trace
from trueup.web._access import checked_form, visible
from trueup.web._label_page import label_page
from trueup.web._params import Labeller, Manager, Opened, Reader, Tracer
from trueup.web._queues import queue_of
from trueup.web._render import page
from trueup.web._shapes import annotation_out, item_out, queue_out
from trueup.web._text import safe_html
from trueup.web.moving._moving_shapes import context_out
from trueup.web.quality._figures import figures_of
from trueup.web.quality._quality import overview_held, queue_figures, stats_held

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
def loop(request: Request, store: Opened, actor: Reader) -> Response:
    """Show the loop: its stations with their counts, what waits, and the last verdict."""
    found = overview_held(figures_of(request), store)
    mine = [queue for queue in list_queues(store=store) if visible(actor, queue)]
    with store.reading() as tx:
        waiting = [(kind, queues_with_open(tx, kind)) for kind in get_args(Asking)]
    work = [
        (queue, [kind for kind, ids in waiting if queue.id in ids and _may(actor, queue, kind)])
        for queue in mine
    ]
    return page(
        request,
        "loop.html",
        found=found,
        queues=[(queue, kinds) for queue, kinds in work if kinds],
        any_queue=bool(mine),
        store=store.address,
    )


def _may(actor: Actor, queue: AnnotationQueue, kind: Asking) -> bool:
    needed: Permission = "label" if kind == "label" else "adjudicate"
    going = queue.state == "active" if kind == "label" else queue.state != "archived"
    return going and needed in permissions_of(actor)


@router.get("/queue")
def queue_list(request: Request, store: Opened, actor: Reader) -> Response:
    """List the queues that the reader may see."""
    figures = figures_of(request)
    seen = [q for q in list_queues(store=store) if visible(actor, q)]
    return page(request, "queues.html", queues=[(q, stats_held(figures, q)) for q in seen])


@router.get("/queue/{key}")
def queue(request: Request, store: Opened, actor: Reader, key: str) -> Response:
    """Show how far a queue has come, and whether its labels may be trusted."""
    found = queue_of(store, actor, key)
    with store.reading() as tx:
        audit = latest_audit(tx, found.id)
    guidelines = found.guidelines()
    return page(
        request,
        "queue.html",
        queue=queue_out(found),
        audit=audit,
        **queue_figures(figures_of(request), found, permissions_of(actor)),
        guidelines=Markup(safe_html(guidelines[-1].text)) if guidelines else "",
        version=len(guidelines),
    )


@router.post("/queue/{key}/audit", dependencies=[Depends(checked_form)])
def queue_audit(store: Opened, actor: Manager, key: str) -> Response:
    """Measure how far the labels agree, and show it."""
    queue_of(store, actor, key).audit(actor=actor.name)
    return RedirectResponse(f"/queue/{key}", status_code=303)


@router.get("/queue/{key}/label")
def label(request: Request, store: Opened, actor: Labeller, key: str) -> Response:
    """Show the page that reviewers label on."""
    return label_page(request, store, actor, key, "label")


@router.get("/item/{key}")
def item(request: Request, store: Opened, actor: Manager, key: str) -> Response:
    """Show an item with its labels."""
    with store.reading() as tx:
        found = list_items(tx, ids=[key])
        labels = list_annotations(tx, item_ids=[key], kinds=None)
    if not found:
        raise UnknownName(f"no item {key!r}")
    owner = next(q for q in list_queues(store=store) if q.id == found[0].queue_id)
    visible(actor, owner, needed=True)
    log_read(store, "item", {owner.id: 1}, actor=actor.name, item=key, labels=len(labels))
    return page(
        request,
        "item.html",
        queue=owner,
        item=item_out(found[0], blind=False) | context_out(owner.context_of(found[0])),
        gold=found[0].gold,
        labels=[annotation_out(given) for given in labels],
    )


@router.get("/trace/{key}")
def trace(request: Request, store: Opened, actor: Reader, key: str) -> Response:
    """Show a request and how it was answered.

    A reviewer sees the traces of their queues alone, and not the answer that was served: on the
    labelling page it is one of those whose source nobody is told.
    """
    with store.reading() as tx:
        found = get_trace(tx, key)
        on = queues_on(tx, key)
    blind = "read_lineage" not in permissions_of(actor)
    if blind and not any(q.id in on and visible(actor, q) for q in list_queues(store=store)):
        raise AccessDenied(f"trace {key}: {actor.name} reviews no queue that has an item on it")
    log_read_of_trace(store, key, actor=actor.name)
    return page(request, "trace.html", trace=found, blind=blind)


@router.get("/annotation/{key}")
def annotation(request: Request, store: Opened, actor: Tracer, key: str) -> Response:
    """Show everything that a label touched."""
    tree = forward_tree(trace_forward(store, key, actor=actor.name))
    return page(request, "lineage.html", noun="label", key=key, tree=tree)


@router.get("/checkpoint/{key}")
def checkpoint(request: Request, store: Opened, actor: Tracer, key: str) -> Response:
    """Show everything that a checkpoint was made of."""
    tree = backward_tree(trace_back(store, key, actor=actor.name))
    return page(request, "lineage.html", noun="checkpoint", key=key, tree=tree)
