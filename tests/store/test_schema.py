from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from trueup import store as room
from trueup.store import Store, schema
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
        address = request.getfixturevalue("postgres")().replace("ql:", "ql+psycopg:")
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


def test_items_of_an_older_store_were_all_queued_for_sure(tmp_path):
    """A store of revision 0001 opens, and what it held counts as it did."""
    item = schema.item
    stamp = {"project": "default", "actor": "ana", "created_at": NOW}
    config = Config()
    config.set_main_option("script_location", f"{room.__path__[0]}/migrations")
    with Store.open(tmp_path) as store, store.transaction() as tx:
        config.attributes["connection"] = tx
        command.downgrade(config, "0001")
        tx.execute(sa.insert(schema.blob).values(id="b", text="[]", **stamp))
        tx.execute(
            sa.insert(schema.queue).values(
                id="q", name="q", overlap=1, stream="reviewer", labels=[], **stamp
            )
        )
        put_trace(
            tx,
            Trace("t", "c", "cohort", ({"role": "user", "content": "?"},), "answer"),
            source="test",
            checkpoint_id=None,
            actor="ana",
            now=NOW,
        )
        names = ("conversation_id", "cohort", "question_type", "family", "reason")
        tx.execute(
            sa.insert(item).values(
                id="i",
                queue_id="q",
                trace_id="t",
                messages_blob="b",
                context_blob="b",
                **dict.fromkeys(names, "x"),
                **stamp,
            )
        )
        columns = {c["name"] for c in sa.inspect(tx).get_columns("item")}
        assert "inclusion" not in columns
    with Store.open(tmp_path) as store, store.reading() as tx:
        assert tx.execute(sa.select(item.c.id, item.c.inclusion)).all() == [("i", 1.0)]


def test_every_row_of_its_own_says_whose_it_is_who_wrote_it_and_when():
    # these are parts of the row that they name
    parts = {"span", "item_answer", "preference_annotation", "replay_answer"}
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
