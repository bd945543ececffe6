"""Places are found by index: a scan of a queue's places would make every claim slower."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from trueup.queues import AnnotationQueue
from trueup.store import slots

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)


def claim(tx, queue):
    asked = slots.Asked(queue, "ben", "label", None, NOW)
    slots.claim(tx, asked, until=NOW + timedelta(minutes=1))


def held(tx, queue):
    slots.list_held(tx, "ben", now=NOW, queue_id=queue)


def gold(tx, queue):
    slots.claim_gold(tx, queue, "ben", now=NOW, until=NOW + timedelta(minutes=1))


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
