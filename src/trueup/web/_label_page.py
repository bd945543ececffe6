"""The page that items are labelled, settled and checked on."""

from __future__ import annotations

import json

from fastapi import Request
from fastapi.responses import Response
from markupsafe import Markup

from trueup.people import Actor
from trueup.store import Store
from trueup.store.overview import count_labels
from trueup.store.slots import Asking
from trueup.web._queues import queue_of
from trueup.web._render import page
from trueup.web._shapes import queue_out

__all__ = ["label_page"]


def label_page(request: Request, store: Store, actor: Actor, key: str, kind: Asking) -> Response:
    """Return the page for one kind of label on a queue."""
    found = queue_of(store, actor, key)
    with store.reading() as tx:
        mine = count_labels(tx, found.id, actor.name, kind=kind)
    # inside a script element only "<" could end it
    questions = Markup(json.dumps(queue_out(found)["questions"]).replace("<", "\\u003c"))
    return page(request, "label.html", queue=found, questions=questions, mine=mine, kind=kind)
