"""Places are found by index: a scan of a queue's places would make every claim slower."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from trueup.queues import AnnotationQueue, NewItem, list_queues
from trueup.store import reservations
from trueup.store.traces import put_trace
from trueup.types import Trace

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)


def claim(tx, queue):
    asked = reservations.Asked(queue, "ben", "label", None, NOW)
    reservations.claim(tx, asked, until=NOW + timedelta(minutes=1))


def held(tx, queue):
    reservations.list_held(tx, "ben", now=NOW, queue_id=queue)


def gold(tx, queue):
    reservations.claim_gold(tx, queue, "ben", now=NOW, until=NOW + timedelta(minutes=1))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("ask", "index"), [(claim, "ix_slot_open"), (held, "ix_slot_held"), (gold, "ix_item_gold")]
)
def test_sqlite_finds_places_by_index(store, ask, index):
    queue = AnnotationQueue.create("prefs", store=store, actor="ana", now=NOW).id
    plans = []

    with store.transaction() as tx:

        @event.listens_for(tx, "before_cursor_execute")
        def explain(_connection, cursor, statement, parameters, _context, _many):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[-1] for row in plan)

        ask(tx, queue)
        event.remove(tx, "before_cursor_execute", explain)
    assert any(f"INDEX {index} " in step for step in plans), plans


@pytest.fixture
def item(store):
    """Return a function that makes an item in a queue with so many places."""

    def make(places: int) -> str:
        queue = AnnotationQueue.create("prefs", overlap=places, store=store, actor="ana", now=NOW)
        trace = Trace("t", "c", "hard", ({"role": "user", "content": "Is it?"},), "Yes.")
        with store.transaction() as tx:
            put_trace(tx, trace, source="app", checkpoint_id=None, actor="ana", now=NOW)
        queue.add_items([NewItem.from_trace(trace, reason="sampled", candidate="No.")])
        return queue.items()[0].id

    return make


def meanwhile(store, item, work):
    """Do `work` in a transaction while ben's label waits in another; return what came of that."""
    found = []

    def label() -> None:
        try:
            with store.transaction(beside_others=True) as tx:
                found.append(reservations.fill(tx, item, "ben", now=NOW))
        except reservations.Overtaken:
            found.append("overtaken")

    thread = threading.Thread(target=label)
    with store.transaction(beside_others=True) as tx:
        work(tx)
        thread.start()
        thread.join(0.3)
        assert found == []
    thread.join()
    [result] = found
    return result


def reserve(tx, store, who, until=NOW + timedelta(minutes=5)):
    [queue] = list_queues(store=store)
    asked = reservations.Asked(queue.id, who, "label", None, NOW)
    assert reservations.claim(tx, asked, until=until) is not None


def test_a_label_that_waits_for_a_claim_does_not_take_its_place(store, item):
    key = item(1)
    assert meanwhile(store, key, lambda tx: reserve(tx, store, "cleo")) is False
    with store.reading() as tx:
        assert [held.item_id for held in reservations.list_held(tx, "cleo", now=NOW)] == [key]


def test_a_label_that_waits_for_a_claim_takes_another_place(store, item):
    assert meanwhile(store, item(2), lambda tx: reserve(tx, store, "cleo")) is True


def test_a_label_that_waits_for_a_claim_of_the_same_reviewer_begins_again(store, item):
    key = item(2)
    with store.transaction() as tx:
        reserve(tx, store, "mia", until=NOW - timedelta(minutes=1))
    found = meanwhile(store, key, lambda tx: reserve(tx, store, "ben"))
    if found == "overtaken":
        with store.transaction() as tx:
            found = reservations.fill(tx, key, "ben", now=NOW)
    assert found is True
