"""The pages: the loop, its queues, the labelling page, and every object at its own address."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from trueup.errors import AccessDenied, SignInError, TrueupError, UnknownName
from trueup.people import Actor, accept, permissions_of, sign_in, sign_out
from trueup.queues import AnnotationQueue, list_queues
from trueup.release.lineage import backward_tree, forward_tree, trace_back, trace_forward
from trueup.store import Store
from trueup.store.annotations import list_annotations
from trueup.store.items import list_items, queues_on
from trueup.store.overview import count_labels
from trueup.store.queues import latest_audit
from trueup.store.traces import get_trace
from trueup.web._access import (
    allowed,
    checked_form,
    clear_cookie,
    put_cookie,
    signed_in,
    store_of,
    token_of,
    visible,
)
from trueup.web._figures import figures_of
from trueup.web._quality import overview_held, queue_figures, stats_held
from trueup.web._shapes import annotation_out, item_out, queue_out
from trueup.web._text import safe_html

__all__ = ["error_page", "router"]

router = APIRouter(include_in_schema=False)

Opened = Annotated[Store, Depends(store_of)]
Reader = Annotated[Actor, Depends(allowed("read_queue"))]
Labeller = Annotated[Actor, Depends(allowed("label"))]
Manager = Annotated[Actor, Depends(allowed("manage_queue"))]
Field = Annotated[str, Form(max_length=1000)]


@router.get("/")
def loop(request: Request, store: Opened, actor: Reader) -> Response:
    """Show the loop: its stations with their counts, what waits, and the last verdict."""
    found = overview_held(figures_of(request), store)
    mine = [q for q in list_queues(store=store) if q.state == "active" and visible(actor, q)]
    return _page(request, "loop.html", found=found, queues=mine, store=store.address)


@router.get("/queue")
def queue_list(request: Request, store: Opened, actor: Reader) -> Response:
    """List the queues that the reader may see."""
    figures = figures_of(request)
    seen = [q for q in list_queues(store=store) if visible(actor, q)]
    return _page(request, "queues.html", queues=[(q, stats_held(figures, q)) for q in seen])


@router.get("/queue/{key}")
def queue(request: Request, store: Opened, actor: Reader, key: str) -> Response:
    """Show how far a queue has come, and whether its labels may be trusted."""
    found = _queue(store, actor, key)
    with store.reading() as tx:
        audit = latest_audit(tx, found.id)
    guidelines = found.guidelines()
    return _page(
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
    _queue(store, actor, key).audit(actor=actor.name)
    return RedirectResponse(f"/queue/{key}", status_code=303)


@router.get("/queue/{key}/label")
def label(request: Request, store: Opened, actor: Labeller, key: str) -> Response:
    """Show the page that reviewers label on."""
    found = _queue(store, actor, key)
    with store.reading() as tx:
        mine = count_labels(tx, found.id, actor.name)
    # inside a script element only "<" could end it
    questions = json.dumps(queue_out(found)["questions"]).replace("<", "\\u003c")
    return _page(request, "label.html", queue=found, questions=Markup(questions), mine=mine)


@router.get("/item/{key}")
def item(request: Request, store: Opened, actor: Manager, key: str) -> Response:
    """Show an item with its labels."""
    with store.reading() as tx:
        found = list_items(tx, ids=[key])
        labels = list_annotations(tx, item_ids=[key])
    if not found:
        raise UnknownName(f"no item {key!r} in {store.address}")
    owner = next(q for q in list_queues(store=store) if q.id == found[0].queue_id)
    visible(actor, owner, needed=True)
    return _page(
        request,
        "item.html",
        queue=owner,
        item=item_out(found[0], blind=False),
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
    return _page(request, "trace.html", trace=found, blind=blind)


@router.get("/annotation/{key}", dependencies=[Depends(allowed("read_lineage"))])
def annotation(request: Request, store: Opened, key: str) -> Response:
    """Show everything that a label touched."""
    tree = forward_tree(trace_forward(store, key))
    return _page(request, "lineage.html", noun="label", key=key, tree=tree)


@router.get("/checkpoint/{key}", dependencies=[Depends(allowed("read_lineage"))])
def checkpoint(request: Request, store: Opened, key: str) -> Response:
    """Show everything that a checkpoint was made of."""
    tree = backward_tree(trace_back(store, key))
    return _page(request, "lineage.html", noun="checkpoint", key=key, tree=tree)


@router.get("/signin")
def signin_page(request: Request) -> Response:
    """Ask who is there."""
    return _page(request, "signin.html", heading="Sign in", joining=False)


@router.post("/signin")
def signin(request: Request, store: Opened, name: Field, password: Field) -> Response:
    """Start a session."""
    try:
        token, _ = sign_in(store, name, password, address=_address(request))
    except SignInError as error:
        return _page(
            request,
            "signin.html",
            status=401 if error.retry_at is None else 429,
            heading="Sign in",
            joining=False,
            error=str(error),
            name=name,
        )
    return put_cookie(request, RedirectResponse("/", status_code=303), token)


@router.get("/join/{_token}")
def join_page(request: Request, _token: str) -> Response:
    """Ask an invited person for a name and a password."""
    return _page(request, "signin.html", heading="Join trueup", joining=True)


@router.post("/join/{token}")
def join(request: Request, store: Opened, token: str, name: Field, password: Field) -> Response:
    """Make the invited person a member, and sign them in."""
    try:
        accept(store, token, name, password)
        session, _ = sign_in(store, name, password, address=_address(request))
    except TrueupError as error:
        return _page(
            request,
            "signin.html",
            status=422,
            heading="Join trueup",
            joining=True,
            error=str(error),
            name=name,
        )
    return put_cookie(request, RedirectResponse("/", status_code=303), session)


@router.post("/signout", dependencies=[Depends(checked_form)])
def signout(request: Request, store: Opened) -> Response:
    """End the session."""
    sign_out(store, token_of(request) or "")
    return clear_cookie(request, RedirectResponse("/signin", status_code=303))


def error_page(request: Request, error: str, status: int) -> Response:
    """Return an error as a page."""
    return _page(request, "error.html", status=status, error=error)


def _queue(store: Store, actor: Actor, key: str) -> AnnotationQueue:
    for found in list_queues(store=store):
        if found.id == key:
            visible(actor, found, needed=True)
            return found
    raise UnknownName(f"no queue {key!r} in {store.address}")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    session = signed_in(request)
    known: dict[str, Any] = {"member": None, "csrf": "", "error": "", "name": "", "status": status}
    if session is not None:
        known |= {"member": session.member, "csrf": session.csrf}
    page = _environment().get_template(template).render(**known | values)
    return HTMLResponse(page, status_code=status)
