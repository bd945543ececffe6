"""Every way that safety-labelled data is read is in the audit log; no other queue's is."""

from datetime import UTC, datetime

import pytest

from trueup.datasets import Dataset
from trueup.errors import QueueEmpty
from trueup.queues import AnnotationQueue, NewItem, Settings
from trueup.release.lineage import trace_back, trace_forward
from trueup.store import schema
from trueup.store.events import list_events
from trueup.store.reads import log_read, log_read_of_trace
from trueup.store.runs import put_checkpoint, put_run
from trueup.types import Checkpoint, Label, Run

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
WHO = {"actor": "mo", "now": NOW}


@pytest.fixture
def make(store, trace):
    """Return a function that makes a queue of two items, each labelled by two."""

    def made(name: str, *, safety: bool) -> AnnotationQueue:
        queue = AnnotationQueue.create(
            name, overlap=3, settings=Settings(safety=safety), store=store, **WHO
        )
        items = [NewItem.from_trace(trace(i), reason="sampled", candidate="no") for i in (0, 1)]
        queue.add_items(items, **WHO)
        with store.reading() as tx:
            ids = tx.scalars(schema.item.select().where(schema.item.c.queue_id == queue.id)).all()
        for item in ids:
            for reviewer in ("ben", "cleo"):
                queue.submit(item, reviewer, Label("a", 1), now=NOW)
        return queue

    return made


def reads(store):
    with store.reading() as tx:
        found = [event for event in list_events(tx) if event.action == "read"]
    assert all(event.safety and event.noun == "queue" for event in found)
    return [(event.actor, event.object_id, dict(event.detail)) for event in found]


def read_all(queue, store, tmp_path):
    """Read a queue in every way there is, and return what each is called in the log."""
    queue.items(**WHO)
    queue.annotations(**WHO)
    claim = queue.claim("sue", now=NOW)
    queue.claim("sue", now=NOW)
    queue.undo("ben", now=NOW)
    queue.export_for_labelling(tmp_path / f"{queue.name}.jsonl", **WHO)
    rows = queue.export(**WHO)
    log_read_of_trace(store, claim.item.trace_id, **WHO)
    dataset = Dataset.create_or_get(f"d-{queue.name}", "v1", store=store, **WHO)
    dataset.add_rows(rows, **WHO)
    dataset.records(**WHO)
    dataset.seal(**WHO)
    dataset.examples("pairs", None, **WHO)
    with store.transaction() as tx:
        for key in ("base", queue.name):
            put_checkpoint(tx, Checkpoint(key, key, key * 9, "stage"), **WHO)
        run = Run(queue.name, "dpo", "dpo", {}, "base", queue.name, dataset.id, 0, "r", {})
        put_run(tx, run, **WHO)
    chain = trace_back(store, queue.name, **WHO)
    trace_forward(store, chain["labels"][0]["id"], **WHO)
    return claim, dataset, chain["labels"][0]["id"]


def test_every_read_of_a_safety_queue_is_logged_with_who_what_and_how_many(make, store, tmp_path):
    queue = make("harm", safety=True)
    claim, dataset, label = read_all(queue, store, tmp_path)
    found = reads(store)
    assert {key for _, key, _ in found} == {queue.id}
    assert [(who, detail) for who, _, detail in found] == [
        ("mo", {"what": "items", "count": 2}),
        ("mo", {"what": "labels", "count": 4}),
        ("sue", {"what": "item", "count": 1, "item": claim.item.id}),
        ("sue", {"what": "item", "count": 1, "item": claim.item.id}),
        ("ben", {"what": "item", "count": 1, "item": found[4][2]["item"]}),
        ("mo", {"what": "items", "count": 2, "file": "harm.jsonl"}),
        ("mo", {"what": "preferences", "count": 2}),
        ("mo", {"what": "trace", "count": 1, "trace": claim.item.trace_id}),
        ("mo", {"what": "rows", "count": 2, "version": dataset.id}),
        ("mo", {"what": "rows", "count": 2, "version": dataset.id}),
        ("mo", {"what": "labels", "count": 4, "checkpoint": "harm"}),
        ("mo", {"what": "labels", "count": 1, "label": label}),
    ]


def test_no_read_of_another_queue_is_logged(make, store, tmp_path):
    make("harm", safety=True)  # what is beside it, on the same traces, is none of its
    with store.transaction() as tx:
        tx.execute(schema.item.update().values(trace_id="trace-1"))
    queue = make("tone", safety=False)
    with store.transaction() as tx:
        of_tone = schema.item.c.queue_id == queue.id
        tx.execute(schema.item.update().where(of_tone).values(trace_id="trace-0"))
    read_all(queue, store, tmp_path)
    assert reads(store) == []


def test_figures_and_writes_are_no_reads(make, store):
    queue = make("harm", safety=True)
    queue.stats()
    queue.audit(**WHO)
    dataset = Dataset.create_or_get("d", "v1", store=store, **WHO)
    assert (dataset.cohorts, dataset.splits, len(dataset)) == ({}, {}, 0)
    log_read(store, "items", {queue.id: 0}, **WHO)
    log_read(store, "items", {}, **WHO)
    assert reads(store) == []


def test_an_export_to_a_file_is_one_event_of_its_own(make, store, tmp_path):
    make("harm", safety=True).export_rows(tmp_path / "pairs.jsonl", format="paired", **WHO)
    assert reads(store) == []
    with store.reading() as tx:
        [export] = [event for event in list_events(tx) if event.action == "export"]
    assert (export.actor, export.safety, export.detail["rows"]) == ("mo", True, 2)


def test_a_claim_that_finds_nothing_reads_nothing(make, store):
    queue = make("harm", safety=True)
    with pytest.raises(QueueEmpty):
        queue.claim("ben", now=NOW)
    assert reads(store) == []


def test_ending_and_beginning_to_be_about_safety_are_of_its_log(make, store):
    queue = make("harm", safety=True)
    queue.configure(safety=False, **WHO)
    queue.items(**WHO)
    queue.configure(overlap=4, **WHO)
    queue.configure(safety=True, **WHO)
    with store.reading() as tx:
        found = [event.safety for event in list_events(tx) if event.action == "configure"]
    assert found == [True, False, True]
    assert reads(store) == []
