from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from trueup.store import schema
from trueup.store.events import list_events, record, seal_events, verify_chain

NOW = datetime(2026, 5, 1, tzinfo=UTC)
EVENT, SEAL = schema.event, schema.seal


@pytest.fixture
def tx(store):
    """A transaction with four events, the first three of them sealed."""
    with store.transaction() as opened:
        for number in range(3):
            write(opened, number)
        assert seal_events(opened) == 3
        write(opened, 3, safety=True)
        yield opened


def write(tx, number: int, *, safety: bool = False) -> None:
    record(
        tx,
        "submit",
        "annotation",
        f"a{number % 2}",
        {"item": "i", "n": number},
        actor="ben",
        now=NOW,
        safety=safety,
    )


def test_events_come_back_in_order_by_object_and_by_safety(tx):
    events = list(list_events(tx))
    assert [e.detail["n"] for e in events] == [0, 1, 2, 3]
    assert events[0] == replace(events[0], actor="ben", action="submit", created_at=NOW)
    assert [e.detail["n"] for e in list_events(tx, object_id="a1")] == [1, 3]
    assert [e.detail["n"] for e in list_events(tx, safety=True)] == [3]
    assert [e.detail["n"] for e in list_events(tx, after=events[1].number, limit=1)] == [2]


def test_a_chain_that_holds_names_its_head_and_its_unsealed_tail(tx):
    found = verify_chain(tx)
    assert (found.sealed, found.unsealed, found.fault, len(found.head)) == (3, 1, "", 64)
    assert seal_events(tx) == 1
    assert seal_events(tx) == 0
    later = verify_chain(tx, head=found.head)
    assert (later.sealed, later.unsealed, later.fault) == (4, 0, "")
    assert later.head != found.head


def test_an_event_that_was_committed_late_is_sealed_too(tx):
    tx.execute(sa.delete(SEAL).where(SEAL.c.number == 3))
    tx.execute(sa.update(SEAL).where(SEAL.c.number == 2).values(event_number=3))
    assert seal_events(tx, back=1) == 1  # the fourth, and not the second
    assert seal_events(tx) == 1
    assert [n for (n,) in tx.execute(sa.select(SEAL.c.event_number).order_by(SEAL.c.number))] == [
        *(1, 3, 4, 2)
    ]


def test_an_empty_log_holds(store):
    with store.reading() as tx:
        found = verify_chain(tx)
    assert (found.sealed, found.unsealed, found.head, found.fault) == (0, 0, "0" * 64, "")


@pytest.mark.parametrize(
    ("tampering", "held", "fault"),
    [
        (sa.update(EVENT).where(EVENT.c.number == 2).values(actor="eve"), 1, "event 2 or its"),
        (sa.update(EVENT).where(EVENT.c.number == 2).values(detail={"n": 9}), 1, "event 2 or its"),
        (sa.update(EVENT).where(EVENT.c.number == 1).values(safety=True), 0, "event 1 or its"),
        (sa.delete(SEAL).where(SEAL.c.number == 2), 1, "seal 2 is gone"),
        (sa.update(SEAL).where(SEAL.c.number == 3).values(event_number=4), 2, "event 4 or its"),
    ],
)
def test_what_was_changed_is_found(tx, tampering, held, fault):
    tx.execute(tampering)
    found = verify_chain(tx)
    assert found.sealed == held
    assert found.fault.startswith(fault)


def test_an_event_that_is_gone_is_found(store, tx):
    """Whoever can write to the database can switch its references off."""
    if store.on_postgresql:
        tx.exec_driver_sql("SET LOCAL session_replication_role=replica")
    else:
        tx.exec_driver_sql("COMMIT")
        tx.exec_driver_sql("PRAGMA foreign_keys=OFF")
        tx.exec_driver_sql("BEGIN IMMEDIATE")
    tx.execute(sa.delete(EVENT).where(EVENT.c.number == 3))
    assert verify_chain(tx).fault == "event 3 is gone"
    if not store.on_postgresql:
        tx.exec_driver_sql("COMMIT")
        tx.exec_driver_sql("PRAGMA foreign_keys=ON")
        tx.exec_driver_sql("BEGIN IMMEDIATE")


def test_events_in_another_order_are_found(tx):
    tx.execute(sa.update(SEAL).where(SEAL.c.number == 1).values(event_number=4))
    tx.execute(sa.update(SEAL).where(SEAL.c.number == 2).values(event_number=1))
    tx.execute(sa.update(SEAL).where(SEAL.c.number == 1).values(event_number=2))
    assert verify_chain(tx).fault.startswith("event 2 or its place in the order")


def test_a_log_cut_short_with_its_seals_is_found_by_a_head_noted_before(tx):
    head = verify_chain(tx).head
    tx.execute(sa.delete(SEAL).where(SEAL.c.number == 3))
    tx.execute(sa.delete(EVENT).where(EVENT.c.number >= 3))
    assert verify_chain(tx).fault == ""
    assert verify_chain(tx, head=head).fault.endswith("is not in the log: its end was cut off")
