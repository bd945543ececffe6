"""The REST API of what goes in and out of queues: rows, labels, items, label schemas."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from fastapi.responses import StreamingResponse

from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.evals import failing
from trueup.people import Actor
from trueup.queues import Added, AnnotationQueue, parse_questions
from trueup.store import Store
from trueup.traces import read_exchange
from trueup.web._params import Exporter, Importer, Manager, Name, Opened, Reader
from trueup.web._queues import queue_named
from trueup.web.moving._downloads import TYPES, export_response
from trueup.web.moving._moving_shapes import (
    ExportIn,
    RecordsIn,
    RowsIn,
    SchemaIn,
    SpansIn,
    TracesIn,
    added_out,
    report_out,
)
from trueup.web.moving._uploads import Upload, told_by_name, uploaded

__all__ = ["router", "take_items", "take_labels"]

router = APIRouter(prefix="/api", tags=["queues"])

Sent = Annotated[Upload, Depends(uploaded("ingest"))]
ItemsIn = Annotated[TracesIn | SpansIn | RowsIn | RecordsIn, Body(discriminator="source")]

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "source": {"enum": ["argilla", "label_studio", "jsonl"]},
                        "prompt": {"type": "string"},
                        "answers": {"type": "string", "description": "names with commas between"},
                        "questions": {"type": "string", "description": "JSON, theirs to ours"},
                        "reviewer": {"type": "string"},
                        "gold": {"type": "boolean"},
                        "skip_bad": {"type": "boolean"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/queues/{name}/export",
    response_class=StreamingResponse,
    responses={200: {"description": "The file.", "content": {kind: {} for kind in TYPES.values()}}},
)
def export(store: Opened, actor: Exporter, name: Name, given: ExportIn) -> StreamingResponse:
    """Return what the items settled on as a file of rows."""
    return export_response(queue_named(store, actor, name), given, actor.name)


@router.post("/queues/{name}/import", openapi_extra=_FORM)
def import_(store: Opened, actor: Importer, name: Name, sent: Sent) -> dict[str, Any]:
    """Read items and labels from a file that another tool exported."""
    return report_out(take_labels(queue_named(store, actor, name), sent, actor))


@router.post("/queues/{name}/add")
def add(store: Opened, actor: Manager, name: Name, given: ItemsIn) -> dict[str, Any]:
    """Put items into a queue, from traces, spans, rows of a dataset or records."""
    return added_out(take_items(store, queue_named(store, actor, name), given, actor))


@router.get("/queues/{name}/guidelines")
def guidelines(store: Opened, actor: Reader, name: Name) -> list[dict[str, Any]]:
    """Return all versions of the guidelines, the first one first."""
    return [asdict(version) for version in queue_named(store, actor, name).guidelines()]


@router.post("/questions")
def check(_: Manager, given: SchemaIn) -> list[dict[str, Any]]:
    """Read a label schema and return its questions, or say what is wrong with it."""
    return [asdict(question) for question in parse_questions(given.text)]


def take_labels(queue: AnnotationQueue, sent: Upload, actor: Actor) -> Any:
    """Import the labels of a file that was sent, as its form says; see `import_annotations`."""
    with told_by_name(sent):
        return queue.import_annotations(
            sent.required(),
            source=sent.text("source") or "jsonl",  # type: ignore[arg-type]
            prompt=sent.text("prompt"),
            answers=sent.texts("answers") or None,
            questions=_renamed(sent.text("questions")),
            reviewer=sent.text("reviewer"),
            gold=sent.ticked("gold"),
            skip_bad=sent.ticked("skip_bad"),
            actor=actor.name,
        )


def take_items(
    store: Store,
    queue: AnnotationQueue,
    given: TracesIn | SpansIn | RowsIn | RecordsIn,
    actor: Actor,
) -> Added:
    """Put items into a queue from where it was asked for."""
    if isinstance(given, RecordsIn):
        return queue.add_records(
            given.records,
            prompt=given.prompt,
            answers=given.answers,
            skip_bad=given.skip_bad,
            actor=actor.name,
        )
    drawn: dict[str, Any] = {"sample": given.sample, "seed": given.seed, "actor": actor.name}
    if isinstance(given, RowsIn):
        dataset = Dataset.get(given.dataset, given.version, store=store)
        return queue.add_rows(dataset, split=given.split, alone=given.alone, **drawn)
    asked = given.failed or given.failed_by is not None
    drawn |= {"cohorts": given.cohorts, "failed": failing(given.failed_by) if asked else None}
    if isinstance(given, SpansIn):
        return queue.add_spans(read_exchange, name=given.span, **drawn)
    return queue.add_traces(**drawn)


def _renamed(text: str | None) -> dict[str, str | None]:
    """Return the queue's question for each of the tool's: JSON, or THEIRS=OURS lines."""
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
        if not all(sign and theirs.strip() for theirs, sign, _ in pairs):
            raise InputError(
                "questions: give THEIRS=OURS, a line each, or THEIRS= to leave one out"
            ) from None
        return {theirs.strip(): ours.strip() or None for theirs, _, ours in pairs}
    if not isinstance(found, dict) or not all(isinstance(v, str | None) for v in found.values()):
        raise InputError("questions: give an object of the queue's question for each of the tool's")
    return found
