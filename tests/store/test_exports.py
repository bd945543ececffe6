from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from trueup.queues import AnnotationQueue, NewItem
from trueup.store import exports, schema
from trueup.store.annotations import list_annotations
from trueup.store.exports import Batch, Wanted, message_keys, pages, votes
from trueup.store.items import list_items
from trueup.store.preferences import list_preferences
from trueup.store.traces import put_trace
from trueup.types import Label, Preference, Trace

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def queue(store):
    return AnnotationQueue.create("prefs", store=store, actor="ana", now=NOW)


@pytest.fixture
def fill(store, queue):
    """Return a function that puts so many items in, each labelled by ann and corrected by bob."""

    def fill_with(count, messages=({"role": "user", "content": "?"},), into=queue):
        new = []
        for i in range(count):
            made = Trace(f"t{into.name}{i}", f"c{i}", "all-hands", tuple(messages), f"served {i}")
            with store.transaction() as tx:
                put_trace(tx, made, source="test", checkpoint_id=None, actor="ana", now=NOW)
            new.append(NewItem.from_trace(made, reason="sampled", candidate=f"sampled {i}"))
        into.add_items(new, actor="ana", now=NOW)
        for item in into.items():
            into.submit(item.id, "ann", Label(item.answer("served").key, 2, ("wrong_tool",)))
            into.submit(item.id, "bob", Label("neither", correction=f"right {item.id[:4]}"))

    return fill_with


def wanted(queue, **more):
    return Wanted(queue.id, "reviewer", **more)


def test_pages_hold_every_item_once_with_its_labels(store, queue, fill, monkeypatch):
    monkeypatch.setattr(exports, "_PAGE", 3)
    fill(8)
    other = AnnotationQueue.create("other", store=store, actor="ana", now=NOW)
    fill(2, into=other)
    with store.reading() as tx:
        found = list(pages(tx, wanted(queue)))
        items = {item.id: item for item in list_items(tx, queue_id=queue.id)}
        labels = {a.id: a.label for a in list_annotations(tx, queue_id=queue.id)}
    assert [len(page.items) for page in found] == [3, 3, 2]
    ids = [item.id for page in found for item in page.items]
    assert ids == sorted(items)
    for page in found:
        for item in page.items:
            kept = items[item.id]
            assert (item.messages, item.answers) == (kept.messages, kept.answers)
            assert (item.cohort, item.inclusion) == (kept.cohort, kept.inclusion)
    given = [a for page in found for some in page.annotations.values() for a in some]
    assert {a.id: a.label for a in given} == labels


def test_labels_come_without_their_answers_where_nobody_asks(store, queue, fill):
    fill(1)
    with store.reading() as tx:
        (page,) = pages(tx, wanted(queue, answers=False))
    (given,) = page.annotations.values()
    assert {a.label.preferred for a in given} == {page.items[0].answer("served").key, "neither"}
    assert {a.label.labels for a in given} == {()}
    assert sorted(a.label.correction or "" for a in given)[1].startswith("right")


def test_a_label_that_was_corrected_does_not_count(store, queue, fill):
    fill(1)
    (item,) = queue.items()
    mine = next(a for a in queue.annotations() if a.reviewer == "ann")
    queue.submit(item.id, "ann", Label("tie"), replaces=mine.id)
    with store.reading() as tx:
        (page,) = pages(tx, wanted(queue))
        found = list(votes(tx, wanted(queue)))
    assert sorted(a.label.preferred for a in page.annotations[item.id]) == ["neither", "tie"]
    assert [sorted(some) for some in found] == [[("ann", "tie"), ("bob", "neither")]]


def test_votes_are_named_by_what_they_are_for(store, queue, fill):
    fill(3)
    with store.reading() as tx:
        found = list(votes(tx, wanted(queue)))
        alone = list(votes(tx, wanted(queue, reviewers=["ann"])))
    assert [sorted(some) for some in found] == [[("ann", "served"), ("bob", "neither")]] * 3
    assert alone == [[("ann", "served")]] * 3


@pytest.mark.parametrize("column", ["messages_blob", "text_blob", "correction_blob"])
def test_an_item_whose_text_was_erased_is_left_out_and_told(store, queue, fill, column):
    fill(3, messages=({"role": "user", "content": "who?"},))
    (gone, *_) = sorted(item.id for item in queue.items())
    table = {
        "messages_blob": schema.item,
        "text_blob": schema.item_answer,
        "correction_blob": schema.annotation,
    }[column]
    owner = table.c.id if table is schema.item else table.c.item_id
    with store.transaction() as tx:
        query = table.select().where(owner == gone)
        keys = {getattr(row, column) for row in tx.execute(query)} - {None}
        tx.execute(update(schema.blob).where(schema.blob.c.id.in_(keys)).values(text=None))
    with store.reading() as tx:
        (page,) = pages(tx, wanted(queue))
    # the conversation is one blob for all three, an answer and a correction are an item's own
    expected = 3 if column == "messages_blob" else 1
    assert gone in page.erased
    assert (len(page.erased), len(page.items)) == (expected, 3 - expected)


def test_keys_are_found_in_messages_and_not_in_what_they_say(store, queue, fill):
    fill(1, messages=({"role": "user", "content": 'say "tool_calls": [] and "name": 1'},))
    with store.reading() as tx:
        assert message_keys(tx, queue.id) == ()
    other = AnnotationQueue.create("other", store=store, actor="ana", now=NOW)
    turn = {"role": "tool", "tool_call_id": "c", "content": "x"}
    fill(1, messages=({"role": "user", "content": "?"}, turn), into=other)
    with store.reading() as tx:
        assert message_keys(tx, other.id) == ("tool_call_id",)
        (cohort,) = {item.cohort for item in other.items()}
        assert message_keys(tx, other.id, [cohort]) == ("tool_call_id",)
        assert message_keys(tx, other.id, ["elsewhere"]) == ()


def test_a_batch_stores_new_texts_and_leaves_what_is_there(store, queue, fill):
    fill(1)
    with store.reading() as tx:
        (page,) = pages(tx, wanted(queue))
    (item,) = page.items
    ids = tuple(sorted(a.id for a in page.annotations[item.id]))
    made = Preference(
        "p1", item.id, item.trace_id, "c0", "all-hands", "", "", item.messages, (), "new text",
        "served 0", "corrected", 0.5, 2, 0.0, ids,
    )  # fmt: skip
    for actor in ("ana", "ben"):
        batch = Batch(actor, NOW)
        batch.add(made, page.blobs)
        assert (len(batch), list(batch.texts.values())) == (1, ["new text"])
        with store.transaction(beside_others=True) as tx:
            batch.store(tx)
        assert len(batch) == 0
    with store.reading() as tx:
        (kept,) = list_preferences(tx, queue_id=queue.id)
        actors = {row.actor for row in tx.execute(schema.preference.select())}
    assert (kept.chosen, kept.rejected, kept.annotation_ids) == ("new text", "served 0", ids)
    assert actors == {"ana"}
