"""The pages of what goes in and out of a queue; their forms stand on the queue's own page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from trueup.errors import InputError
from trueup.web._access import checked_form
from trueup.web._params import Exporter, Importer, Manager, Opened
from trueup.web._queues import queue_of
from trueup.web._render import page
from trueup.web.moving._downloads import export_response
from trueup.web.moving._moving_api import ItemsIn, take_items, take_labels
from trueup.web.moving._moving_shapes import ExportIn, added_out, report_out
from trueup.web.moving._uploads import Upload, told_by_name, uploaded

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Sent = Annotated[Upload, Depends(uploaded("ingest"))]
Filled = Annotated[Upload, Depends(uploaded("manage_queue"))]
Text = Annotated[str, Form(max_length=1000)]
Names = Annotated[list[str], Form(max_length=1000)]

_ITEMS: TypeAdapter[Any] = TypeAdapter(ItemsIn)


@router.post("/queue/{key}/export", dependencies=[Depends(checked_form)])
def export(
    store: Opened,
    actor: Exporter,
    key: str,
    format: Text = "paired",
    kind: Text = "jsonl",
    shape: Text = "conversational",
    min_agreement: Text = "0",
    reviewers: Names = [],  # noqa: B006, it is copied by the framework
    exclude_reviewers: Names = [],  # noqa: B006
    labels: Names = [],  # noqa: B006
    cohorts: Names = [],  # noqa: B006
    since: Text = "",
    until: Text = "",
    no_simulated: Text = "",
    head: Text = "",
) -> Response:
    """Send what the items settled on as a file."""
    given = {
        "format": format,
        "kind": kind,
        "shape": shape,
        "min_agreement": min_agreement or "0",
        "reviewers": reviewers or None,
        "exclude_reviewers": exclude_reviewers,
        "labels": labels or None,
        "cohorts": cohorts or None,
        "since": since or None,
        "until": until or None,
        "include_simulated": not no_simulated,
        "head": head,
    }
    wanted = _valid(TypeAdapter(ExportIn), given)
    return export_response(queue_of(store, actor, key), wanted, actor.name)


@router.post("/queue/{key}/import")
def import_(request: Request, store: Opened, actor: Importer, key: str, sent: Sent) -> Response:
    """Read a file of labels, and show what came of it."""
    queue = queue_of(store, actor, key)
    report = report_out(take_labels(queue, sent, actor))
    return page(request, "moved.html", queue=queue, file=sent.name, report=report, added=None)


@router.post("/queue/{key}/items")
def items(request: Request, store: Opened, actor: Manager, key: str, sent: Filled) -> Response:
    """Put items into the queue, and show what came of it."""
    queue = queue_of(store, actor, key)
    if sent.text("source") == "records":
        with told_by_name(sent):
            added = queue.add_records(
                sent.required(),
                prompt=sent.text("prompt"),
                answers=sent.texts("answers") or None,
                skip_bad=sent.ticked("skip_bad"),
                actor=actor.name,
            )
    else:
        added = take_items(store, queue, _valid(_ITEMS, _asked(sent)), actor)
    return page(
        request, "moved.html", queue=queue, file=sent.name, report=None, added=added_out(added)
    )


def _asked(sent: Upload) -> dict[str, Any]:
    """Return what a form asks for, in the API's words; what is empty is left out."""
    source = sent.text("source") or ""
    dataset, _, version = (sent.text("dataset") or "").partition("@")
    values: Mapping[str, Mapping[str, Any]] = {
        "traces": {"cohorts": sent.texts("cohorts"), "failed": sent.ticked("failed")},
        "spans": {
            "cohorts": sent.texts("cohorts"),
            "failed": sent.ticked("failed"),
            "span": sent.text("span"),
        },
        "rows": {"dataset": dataset, "version": version, "alone": sent.ticked("alone")},
    }
    given = {**values.get(source, {}), "sample": sent.text("sample")}
    return {"source": source} | {name: v for name, v in given.items() if v not in (None, "", [])}


def _valid(kind: TypeAdapter[Any], given: Mapping[str, Any]) -> Any:
    """Return what a form says in the API's words.

    Raises:
        InputError: it makes no sense; names the field.
    """
    try:
        return kind.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where or 'source'}: {first['msg']}") from error
