from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from trueup import store as room
from trueup.queues.labels._questions import default_questions
from trueup.store import Store, schema
from trueup.store.annotations import list_annotations
from trueup.store.queues import find_queue
from trueup.store.rows import put_blob
from trueup.store.traces import put_trace
from trueup.types import Trace

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_migrations_make_the_schema_that_the_code_names(store):
    with store.reading() as tx:
        assert compare_metadata(MigrationContext.configure(tx), schema.metadata) == []


def test_checks_and_partial_indexes_are_migrated_too(store, request):
    """Alembic does not compare these, so they are compared as the database tells them."""
    address = "sqlite://"
    if store.on_postgresql:
        address = request.getfixturevalue("postgres").make().replace("ql:", "ql+psycopg:")
    other = sa.create_engine(address)
    schema.metadata.create_all(other)
    with other.connect() as meant, store.reading() as tx:
        for table in schema.metadata.tables:
            one, two = (rules(sa.inspect(bind), table) for bind in (tx, meant))
            assert one == two, table
    other.dispose()


def rules(inspector, table):
    indexes = [
        i | {"dialect_options": {k: str(v) for k, v in i["dialect_options"].items()}}
        for i in inspector.get_indexes(table)
    ]
    checks = {c["name"]: c["sqltext"] for c in inspector.get_check_constraints(table)}
    return sorted(indexes, key=lambda index: index["name"]), checks


def test_the_migrations_run_down_to_nothing(store):
    config = Config()
    config.set_main_option("script_location", f"{room.__path__[0]}/migrations")
    with store.transaction() as tx:
        config.attributes["connection"] = tx
        command.downgrade(config, "base")
    with store.reading() as tx:
        assert sa.inspect(tx).get_table_names() == ["alembic_version"]


def test_a_store_of_the_first_revision_opens_and_what_it_held_counts_as_it_did(store):
    """Its items were all queued for sure, and have a place for each reviewer that they need."""
    stamp = {"project": "default", "actor": "ana", "created_at": NOW}
    words = ("conversation_id", "cohort", "question_type", "family", "reason")
    shown = {"messages_blob": "b", "context_blob": "b", **dict.fromkeys(words, "x")}
    said = {"preferred": "a", "strength": 2, "labels": ["rude"], "stream": "ai", "simulated": False}
    rows = {
        "blob": [{"id": "b", "text": "[]"}],
        "queue": [{"id": "q", "name": "q", "overlap": 2, "stream": "ai", "labels": ["rude"]}],
        "item": [{"id": i, "queue_id": "q", "trace_id": "t", **shown} for i in ("i", "j")],
        "annotation": [
            {"id": "n1", "item_id": "i", "reviewer": "ben", **said},
            {"id": "n2", "item_id": "i", "reviewer": "ben", "replaces_id": "n1", **said},
        ],
        "preference": [
            {"id": "p", "item_id": "i", "chosen_blob": "b", "origin": "served", "raters": 1}
            | {"strength": 2.0}
        ],
        "preference_annotation": [{"preference_id": "p", "annotation_id": "n2"}],
    }
    config = Config()
    config.set_main_option("script_location", f"{room.__path__[0]}/migrations")
    with store.transaction() as tx:
        config.attributes["connection"] = tx
        command.downgrade(config, "0001")
        trace = Trace("t", "c", "cohort", ({"role": "user", "content": "?"},), "answer")
        put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
        for name, given in rows.items():
            table = sa.Table(name, sa.MetaData(), autoload_with=tx)
            for row in given:
                tx.execute(sa.insert(table).values(**row, **(stamp if "actor" in table.c else {})))
    with Store.open() as again, again.reading() as tx:
        item, slot = schema.item, schema.slot
        found = tx.execute(sa.select(item.c.id, item.c.inclusion).order_by(item.c.id)).all()
        assert found == [("i", 1.0), ("j", 1.0)]
        columns = (slot.c.item_id, slot.c.number, slot.c.reviewer, slot.c.filled)
        assert tx.execute(sa.select(*columns).order_by(*columns[:2])).all() == [
            ("i", 0, "ben", True),
            ("i", 1, None, False),
            ("j", 0, None, False),
            ("j", 1, None, False),
        ]
        queue = find_queue(tx, "q")
        assert (queue.questions, queue.state) == (default_questions(("rude",)), "active")
        [label] = list_annotations(tx, queue_id="q")
        assert (label.id, label.label.preferred, label.label.answers) == ("n2", "a", {})
        assert tx.execute(sa.select(schema.preference_annotation)).all() == [("p", "n2")]
    with store._rewriting() as tx:
        config.attributes["connection"] = tx
        command.downgrade(config, "0002")
        table = sa.Table("queue", sa.MetaData(), autoload_with=tx)
        assert tx.execute(sa.select(table.c.labels)).scalar() == ["rude"]


def test_every_row_of_its_own_says_whose_it_is_who_wrote_it_and_when():
    # these are parts of the row that they name
    parts = {"span", "item_answer", "preference_annotation", "replay_answer", "seal"}
    parts.add("delivery")
    for table in schema.metadata.sorted_tables:
        columns = set(table.columns.keys())
        assert ({"project", "actor", "created_at"} <= columns) == (table.name not in parts)


def test_times_are_utc_on_both_sides_and_naive_ones_are_refused(store):
    east = NOW.astimezone(timezone(timedelta(hours=3)))
    with store.transaction() as tx:
        put_blob(tx, "text", actor="ana", now=east)
    with store.reading() as tx:
        found = tx.execute(sa.select(schema.blob.c.created_at)).scalar_one()
    assert (found, found.tzinfo) == (NOW, UTC)
    with pytest.raises(sa.exc.StatementError, match="timezone-aware"), store.transaction() as tx:
        put_blob(tx, "other", actor="ana", now=NOW.replace(tzinfo=None))
