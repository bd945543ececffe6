from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from trueup.errors import StoreError
from trueup.store import Store, schema
from trueup.store.annotations import list_annotations, put_annotation
from trueup.store.items import cached_item, known_traces, list_items, put_item
from trueup.store.preferences import list_preferences, put_preference
from trueup.store.queues import (
    AuditRow,
    find_queue,
    latest_audit,
    list_queues,
    put_audit,
    put_queue,
)
from trueup.store.traces import put_trace
from trueup.types import Annotation, Expected, Item, ItemAnswer, Label, Preference, Question, Trace

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
STAMP = {"actor": "ana", "now": NOW}
ASKED = (Question("labels", "choices", options=("x", "y")), Question("note", "text", required=True))
NOTHING = {"stream": "ai", "questions": (), "settings": {}}


@pytest.fixture
def tx(new_store, tmp_path):
    """A transaction on a store with two traces and a queue."""
    with Store.open(new_store(tmp_path / "store")) as store, store.transaction() as opened:
        for key in ("t1", "t2"):
            trace = Trace(key, "c1", "cohort", ({"role": "user", "content": "?"},), "answer")
            put_trace(opened, trace, source="test", checkpoint_id=None, **STAMP)
        put_queue(opened, "q", overlap=2, stream="ai", questions=ASKED, settings={}, **STAMP)
        yield opened


def item(tx, key: str = "i1", trace_id: str = "t1") -> Item:
    queue = find_queue(tx, "q")
    return Item(
        id=key,
        queue_id=queue.id,
        trace_id=trace_id,
        conversation_id="c1",
        cohort="cohort",
        question_type="kind",
        family="family",
        messages=({"role": "user", "content": "?", "extra": [1]},),
        context=("passage",),
        answers=(ItemAnswer("a", "one", "sampled"), ItemAnswer("b", "two", "served")),
        reason="sampled",
        expected=Expected(facts=("fact",)),
    )


def annotation(key: str, reviewer: str = "rita", label: Label | None = None) -> Annotation:
    return Annotation(key, "i1", reviewer, label or Label("a", 1), "ai", False, NOW)


def preference(found: Item, key: str = "p1", **changes) -> Preference:
    fields = {
        "id": key,
        "item_id": found.id,
        "trace_id": found.trace_id,
        "conversation_id": found.conversation_id,
        "cohort": found.cohort,
        "question_type": found.question_type,
        "family": found.family,
        "messages": found.messages,
        "context": found.context,
        "chosen": "one",
        "rejected": "two",
        "origin": "sampled",
        "agreement": 1.0,
        "raters": 2,
        "strength": 1.5,
        "annotation_ids": ("n1", "n2"),
        "expected": found.expected,
    }
    return Preference(**fields | changes)


def test_a_queue_is_stored_once_by_its_name_within_a_project(tx):
    assert not put_queue(tx, "q", overlap=9, **NOTHING, **STAMP)
    assert put_queue(tx, "q", overlap=9, **NOTHING, project="other", **STAMP)
    found = find_queue(tx, "q")
    assert (found.overlap, found.stream, found.labels) == (2, "ai", ("x", "y"))
    assert (found.questions, found.state, found.guideline_id) == (ASKED, "active", None)
    assert find_queue(tx, "q", project="other").overlap == 9
    assert find_queue(tx, "none") is None
    assert list_queues(tx) == [found]


def test_items_come_back_with_all_they_show(tx):
    first, second = item(tx), replace(item(tx, "i2", "t2"), inclusion=0.25)
    assert put_item(tx, second, actor="ana", now=LATER)
    assert put_item(tx, first, **STAMP)
    assert not put_item(tx, first, **STAMP)
    assert list_items(tx, queue_id=first.queue_id) == [first, second]
    assert list_items(tx, ids=["i2", "none"]) == [second]
    assert list_items(tx, queue_id="none") == []
    assert [cached_item(tx, key) for key in ("i1", "i2", "none")] == [first, second, None]


def test_an_item_whose_text_was_erased_is_an_error(tx):
    put_item(tx, item(tx), **STAMP)
    tx.execute(sa.update(schema.blob).where(schema.blob.c.text == "two").values(text=None))
    for read in (cached_item, lambda tx, key: list_items(tx, ids=[key])):
        with pytest.raises(StoreError, match="was erased"):
            read(tx, "i1")


def test_known_traces_are_those_of_the_store(tx):
    assert known_traces(tx, ["t1", "nope", "t2"]) == {"t1", "t2"}


def test_standing_labels_are_those_that_none_replaces(tx):
    put_item(tx, item(tx), **STAMP)
    first = annotation("n1", label=Label("neither", 0, ("x",), "right", 2.5))
    second = annotation("n2")
    assert put_annotation(tx, first, replaces=None, actor="rita")
    assert not put_annotation(tx, first, replaces=None, actor="rita")
    assert list_annotations(tx, item_ids=["i1"]) == [first]
    assert put_annotation(tx, second, replaces="n1", actor="rita")
    queue_id = find_queue(tx, "q").id
    assert list_annotations(tx, queue_id=queue_id) == [second]
    assert list_annotations(tx, queue_id=queue_id, replaced=True) == [first]
    assert list_annotations(tx, queue_id="none") == []


def test_the_store_itself_keeps_a_second_first_label_and_a_fork_out(tx):
    put_item(tx, item(tx), **STAMP)
    put_annotation(tx, annotation("n1"), replaces=None, actor="rita")
    assert not put_annotation(tx, annotation("n2"), replaces=None, actor="rita")
    assert put_annotation(tx, annotation("n3"), replaces="n1", actor="rita")
    assert not put_annotation(tx, annotation("n4"), replaces="n1", actor="rita")
    assert put_annotation(tx, annotation("n5", "sam"), replaces=None, actor="sam")


def test_audits_are_kept_and_the_latest_is_found(tx):
    queue_id = find_queue(tx, "q").id
    assert latest_audit(tx, queue_id) is None
    old = AuditRow("a1", queue_id, None, 0.6, False, {"why": "x"}, NOW)
    new = AuditRow("a0", queue_id, 0.7, 0.6, True, {}, LATER)
    assert [put_audit(tx, row, actor="ana") for row in (new, old, old)] == [True, True, False]
    assert latest_audit(tx, queue_id) == new


def test_preferences_come_back_with_their_labels(tx):
    found = item(tx)
    put_item(tx, found, **STAMP)
    put_annotation(tx, annotation("n1"), replaces=None, actor="rita")
    put_annotation(tx, annotation("n2", "sam"), replaces=None, actor="sam")
    pair = preference(found)
    alone = preference(found, "p2", rejected=None, agreement=None, origin="served")
    assert put_preference(tx, pair, **STAMP)
    assert put_preference(tx, alone, **STAMP)
    assert not put_preference(tx, pair, **STAMP)
    assert list_preferences(tx, queue_id=found.queue_id) == [pair, alone]
    assert list_preferences(tx, ids=["p2", "none"]) == [alone]
