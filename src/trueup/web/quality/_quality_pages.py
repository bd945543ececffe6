"""The pages about quality: agreement, the items behind a figure, and a reviewer's own figures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from trueup.errors import AccessDenied, TrueupError, UnknownName
from trueup.people import permissions_of
from trueup.queues import MIN_RATED, AnnotationQueue, list_queues
from trueup.store.listing import labelled_queues
from trueup.web._access import visible
from trueup.web._params import Judge, Opened, Reader
from trueup.web._queues import queue_of
from trueup.web._render import page
from trueup.web.quality._figures import Held, figures_of
from trueup.web.quality._quality import (
    LINE,
    Filters,
    age_of,
    items_url,
    monday,
    named,
    quality_held,
    report_held,
    stats_held,
)
from trueup.web.quality._quality_shapes import Asked, Looked, blind_to, match_out

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/queue/{key}/agreement")
def agreement(
    request: Request, store: Opened, actor: Judge, key: str, asked: Annotated[Asked, Query()]
) -> Response:
    """Show how far a queue's reviewers agree, on every question and in every part."""
    queue = queue_of(store, actor, key)
    figures, filters = figures_of(request), asked.filters()
    held, found, reason = _worked_out(report_held(figures, queue, filters))
    stats = stats_held(figures, queue)
    return page(
        request,
        "agreement.html",
        queue=queue,
        found=found,
        reason=reason,
        age=None if held is None else age_of(held),
        choices={} if stats is None else named(stats.result()),
        questions=[] if found is None else [a.name for a in found.report.questions],
        filters=filters,
        line=LINE,
        least=MIN_RATED,
        monday=monday,
        items=lambda question, **more: items_url(queue.id, question, filters, **more),
    )


@router.get("/queue/{key}/items")
def items(
    request: Request, store: Opened, actor: Judge, key: str, asked: Annotated[Looked, Query()]
) -> Response:
    """Show the items behind a figure, with their labels."""
    queue = queue_of(store, actor, key)
    found = queue.matches(**asked.options(), blind_to=blind_to(actor), actor=actor.name)
    return page(
        request,
        "items.html",
        queue=queue,
        said=asked.said(),
        found=[match_out(match) for match in found.items],
        number=found.page,
        before=asked.address(queue.id, found.page - 1) if found.page > 1 else "",
        after=asked.address(queue.id, found.page + 1) if found.more else "",
        managing="manage_queue" in permissions_of(actor),
    )


@router.get("/reviewer/{name:path}")
def reviewer(request: Request, store: Opened, actor: Reader, name: str) -> Response:
    """Show what there is to say of a reviewer's labels, to themselves or to who may judge."""
    judging = "read_quality" in permissions_of(actor)
    if name != actor.name and not judging:
        raise AccessDenied(f"{actor.name} may see their own figures, and nobody else's")
    with store.reading() as tx:
        counts = labelled_queues(tx, name)
    if not counts and name != actor.name:
        raise UnknownName(f"no reviewer {name!r} has labelled anything")
    shown = [q for q in list_queues(store=store) if q.id in counts and visible(actor, q)]
    parts = [_part(request, queue, name, counts[queue.id]) for queue in shown]
    return page(
        request,
        "reviewer.html",
        reviewer=name,
        parts=parts,
        judging=judging,
        least=MIN_RATED,
        monday=monday,
    )


def _part(request: Request, queue: AnnotationQueue, name: str, count: int) -> dict[str, Any]:
    """Return what a queue's report has of a reviewer."""
    held, found, reason = _worked_out(quality_held(figures_of(request), queue))
    mine = overruled = None
    haste: list[str] = []
    if found is not None:
        mine = next((r for r in found.report.reviewers if r.reviewer == name), None)
        haste = [
            h.says
            for h in found.report.haste
            if h.says and h.by == "reviewer" and h.effect.group == name
        ]
        overruled = next((o for o in found.activity.overruled if o.reviewer == name), None)
    return {
        "queue": queue,
        "count": count,
        "question": "" if found is None else found.report.question,
        "mine": mine,
        "overruled": overruled,
        "haste": haste,
        "reason": reason,
        "age": None if held is None else age_of(held),
        "url": items_url(queue.id, found.report.question, Filters(reviewer=name), disagree=True)
        if found
        else "",
    }


def _worked_out(held: Held | None) -> tuple[Held | None, Any, str]:
    """Return what was worked out, or why nothing can be."""
    try:
        return held, None if held is None else held.result(), ""
    except TrueupError as error:
        return held, None, str(error)
