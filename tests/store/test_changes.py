from datetime import UTC, datetime

import sqlalchemy as sa

from trueup.queues import AnnotationQueue
from trueup.store import schema
from trueup.store.changes import last_position, list_changes, name_queues
from trueup.store.events import record, seal_events

NOW = datetime(2026, 5, 1, tzinfo=UTC)
WHO = {"actor": "mo", "now": NOW}


def test_changes_come_in_the_order_of_seals_and_one_that_is_late_is_not_passed_over(store):
    queue = AnnotationQueue.create("prefs", store=store, **WHO)
    with store.transaction() as tx:
        seal_events(tx)
        for text in ("early", "late", "next"):
            record(tx, "configure", "queue", queue.id, {"description": text}, **WHO)
        event = schema.event.c
        late = (
            tx.execute(sa.select(event.number).order_by(event.number).offset(2)).scalars().first()
        )
        seal = sa.insert(schema.seal)  # as where the second was committed after the third
        for number, of in ((2, late - 1), (3, late + 1)):
            tx.execute(seal.values(number=number, event_number=of, hash="0" * 64))
        before, position = list_changes(tx, after=1)
        assert [change.number for change in before] == [late - 1, late + 1]
        seal_events(tx)
        after, position = list_changes(tx, after=position)
        assert [(change.number, change.position) for change in after] == [(late, 4)]
        assert position == last_position(tx) == 4


def test_what_is_no_change_of_a_queue_is_none(store):
    queue = AnnotationQueue.create("prefs", store=store, **WHO)
    with store.transaction() as tx:
        record(tx, "read", "queue", queue.id, {}, **WHO)
        record(tx, "sign_in", "member", "m1", {}, **WHO)
        record(tx, "submit", "annotation", "none such", {}, **WHO)
        seal_events(tx)
        found, position = list_changes(tx)
        assert [(change.action, change.queue_id) for change in found] == [("create", queue.id)]
        assert position == 4
        assert list_changes(tx, after=1, limit=2) == ([], 3)
        assert list_changes(tx, after=4) == ([], 4)
        assert list_changes(tx, positions=[1])[0] == found
        assert name_queues(tx, [queue.id]) == {queue.id: "prefs"}
