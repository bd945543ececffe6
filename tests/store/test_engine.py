import os
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from trueup.errors import InputError, StoreError
from trueup.store import Store, databases, default_store, find_store, schema
from trueup.store.rows import get_blob, put_blob

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """An empty folder to be in, with no store named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUEUP_STORE", raising=False)
    return tmp_path


def test_opening_makes_a_store_and_opening_again_finds_it(tmp_path):
    with Store.open(tmp_path / "a" / "store") as store, store.transaction() as tx:
        key = put_blob(tx, "text", actor="ana", now=NOW)
    with Store.open(tmp_path / "a" / "store", create=False) as store, store.reading() as tx:
        assert get_blob(tx, key) == "text"


def test_a_reader_never_makes_a_store(tmp_path):
    with pytest.raises(StoreError, match=r"no store at .*/none: run `trueup loop`"):
        Store.open(tmp_path / "none", create=False)
    assert list(tmp_path.iterdir()) == []


def test_the_default_store_is_named_or_the_nearest_above_or_here(nowhere, monkeypatch):
    deep = nowhere / "b" / "c"
    deep.mkdir(parents=True)
    assert find_store(deep) == str(deep / ".trueup")
    Store.open(nowhere / ".trueup").close()
    assert find_store(deep) == str(nowhere / ".trueup")
    Store.open(nowhere / "b" / ".trueup").close()
    assert find_store(deep) == str(nowhere / "b" / ".trueup")
    monkeypatch.setenv("TRUEUP_STORE", "/elsewhere")
    assert find_store(deep) == "/elsewhere"


def test_the_default_store_is_opened_once_and_made_only_to_write(nowhere):
    with pytest.raises(StoreError, match="no store at"):
        default_store()
    assert not (nowhere / ".trueup").exists()
    made = default_store(create=True)
    assert default_store() is made
    assert made.address == str(nowhere / ".trueup")
    made.close()


def test_a_transaction_lands_whole_or_not_at_all(tmp_path):
    def fail_halfway(store: Store) -> None:
        with store.transaction() as tx:
            put_blob(tx, "one", actor="ana", now=NOW)
            raise RuntimeError

    with Store.open(tmp_path) as store:
        with pytest.raises(RuntimeError):
            fail_halfway(store)
        with store.transaction() as tx:
            put_blob(tx, "two", actor="ana", now=NOW)
        with store.reading() as tx:
            assert tx.execute(sa.select(schema.blob.c.text)).scalars().all() == ["two"]


def test_writers_wait_for_one_another(store):
    """Deferred transactions that turn into writers would fail at once here."""
    errors = []

    def write(name: str) -> None:
        try:
            for i in range(10):
                with store.transaction() as tx:
                    tx.execute(sa.select(sa.func.count()).select_from(schema.blob)).scalar()
                    put_blob(tx, f"{name} {i}", actor=name, now=NOW)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with store.reading() as tx:
        count = sa.select(sa.func.count()).select_from(schema.blob)
        assert tx.execute(count).scalar() == 40


def test_on_postgresql_a_reading_sees_one_state_and_may_not_write(postgres, tmp_path, monkeypatch):
    monkeypatch.setenv("TRUEUP_FILES", str(tmp_path))
    with Store.open(postgres.make()) as store:
        count = sa.select(sa.func.count()).select_from(schema.blob)
        with store.reading() as tx:
            assert tx.execute(count).scalar() == 0
            with store.transaction() as writing:
                put_blob(writing, "new", actor="ana", now=NOW)
            assert tx.execute(count).scalar() == 0
        with pytest.raises(sa.exc.InternalError, match="read-only"), store.reading() as tx:
            put_blob(tx, "lost", actor="ana", now=NOW)
        assert (store.on_postgresql, store.root) == (True, tmp_path)


def test_on_postgresql_writers_that_lock_rows_run_beside_each_other(
    postgres, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRUEUP_FILES", str(tmp_path))
    with Store.open(postgres.make()) as store:
        done = []

        def alone() -> None:
            with store.transaction():
                done.append("alone")

        thread = threading.Thread(target=alone)
        with store.transaction(beside_others=True):
            with store.transaction(beside_others=True):
                done.append("beside")
            thread.start()
            thread.join(0.2)
            assert done == ["beside"]
        thread.join()
        assert done == ["beside", "alone"]


def test_on_postgresql_of_those_that_are_alone_on_one_thing_each_waits(
    postgres, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRUEUP_FILES", str(tmp_path))
    with Store.open(postgres.make()) as store:
        done = []

        def write(what: str) -> None:
            with store.transaction(beside_others=True, alone_on=what):
                done.append(what)

        threads = {what: threading.Thread(target=write, args=(what,)) for what in ("one", "two")}
        with store.transaction(beside_others=True, alone_on="one"):
            for thread in threads.values():
                thread.start()
            threads["two"].join()
            threads["one"].join(0.2)
            assert done == ["two"]
        threads["one"].join()
        assert done == ["two", "one"]


def test_on_postgresql_a_server_that_was_started_again_is_met_by_a_new_connection(
    postgres, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRUEUP_FILES", str(tmp_path))
    monkeypatch.setattr(databases, "_UNUSED_SECONDS", -1)
    address = postgres.make()
    with Store.open(address) as store, Store.open(address) as other:
        mine = "SELECT pg_backend_pid()"
        with store.glance() as tx:
            before = tx.exec_driver_sql(mine).scalar_one()
        with other.glance() as tx:
            tx.exec_driver_sql(f"SELECT pg_terminate_backend({before})")
        with store.glance() as tx:
            assert tx.exec_driver_sql(mine).scalar_one() != before


def test_many_open_a_new_store_at_once(tmp_path):
    for number in range(5):
        errors = []

        def begin(where=tmp_path / str(number), errors=errors) -> None:
            try:
                Store.open(where).close()
            except StoreError as error:
                errors.append(error)

        threads = [threading.Thread(target=begin) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []


def test_a_glance_sees_what_is_there(store):
    with store.transaction() as tx:
        put_blob(tx, "one", actor="ana", now=NOW)
    with store.glance() as tx:
        assert tx.execute(sa.select(schema.blob.c.text)).scalar_one() == "one"


def test_on_sqlite_a_writer_of_another_process_is_waited_for_briefly(tmp_path):
    with Store.open(tmp_path / "store") as store:
        holder = (
            "import sys, time; from trueup.store import Store\n"
            "store = Store.open(sys.argv[1])\n"
            "with store.transaction():\n print(flush=True)\n time.sleep(0.5)"
        )
        command = [sys.executable, "-W", "ignore", "-c", holder, str(tmp_path / "store")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            start = time.monotonic()
            with store.transaction() as tx:
                put_blob(tx, "one", actor="ana", now=NOW)
            assert 0.2 < time.monotonic() - start < 20
        with store.reading() as tx:
            assert tx.execute(sa.select(schema.blob.c.text)).scalar_one() == "one"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://h/db", "a store is a folder or postgresql://"),
        (
            "postgresql://ana:secret@127.0.0.1:1/db",
            r"ana:\*\*\*@127.0.0.1:1/db: .*check the address",
        ),
        ("postgresql://ana:secret@h:x/db", "it is no address"),
    ],
)
def test_an_address_that_leads_nowhere_is_named_without_its_password(
    address, message, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRUEUP_FILES", str(tmp_path))
    with pytest.raises(StoreError, match=message) as raised:
        Store.open(address)
    assert "secret" not in str(raised.value)


def test_an_empty_database_is_no_store_to_a_reader(postgres, tmp_path, monkeypatch):
    monkeypatch.setenv("TRUEUP_FILES", str(tmp_path))
    with pytest.raises(StoreError, match="is empty: run"):
        Store.open(postgres.make(), create=False)


def test_a_reading_sees_one_state_and_writes_nothing(tmp_path):
    with Store.open(tmp_path) as store:
        count = sa.select(sa.func.count()).select_from(schema.blob)
        with store.reading() as tx:
            assert tx.execute(count).scalar() == 0
            with store.transaction() as writing:
                put_blob(writing, "new", actor="ana", now=NOW)
            assert tx.execute(count).scalar() == 0
        with store.reading() as tx:
            put_blob(tx, "lost", actor="ana", now=NOW)
        with store.reading() as tx:
            assert tx.execute(count).scalar() == 1


def test_references_are_enforced(tmp_path):
    span = {"trace_id": "none", "span_id": "s", "name": "n", "start_ns": 0, "end_ns": 1}
    insert = sa.insert(schema.span).values(**span, attributes={}, status="OK")
    with (
        Store.open(tmp_path) as store,
        store.transaction() as tx,
        pytest.raises(sa.exc.IntegrityError),
    ):
        tx.execute(insert)


def test_a_file_that_is_no_database_is_a_one_line_error(tmp_path):
    (tmp_path / "trueup.db").write_text("not a database, but long enough to be looked at")
    with pytest.raises(StoreError, match="file is not a database; check the address") as caught:
        Store.open(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_database_that_breaks_later_is_a_one_line_error(tmp_path):
    with Store.open(tmp_path) as store:
        with store.transaction() as tx:
            tx.execute(sa.text("DROP TABLE audit"))
        read = sa.select(schema.audit)
        with (
            pytest.raises(StoreError, match="no such table: audit; check the address") as caught,
            store.reading() as tx,
        ):
            tx.execute(read)
        assert "\n" not in str(caught.value)


def test_a_store_that_another_process_keeps_locked_says_so(tmp_path, monkeypatch):
    for room in ("engine", "databases"):
        monkeypatch.setattr(f"trueup.store.{room}.BUSY_SECONDS", 0)
    with Store.open(tmp_path) as store:
        other = sqlite3.connect(tmp_path / "trueup.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(StoreError, match="another process writes to it: try again"),
            store.transaction(),
        ):
            pass
        other.close()


def test_a_store_of_a_newer_trueup_is_left_alone(tmp_path):
    Store.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "trueup.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="written by a newer trueup"):
        Store.open(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="folders named as files differ elsewhere")
def test_a_folder_that_cannot_be_made_is_a_one_line_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the folder"):
        Store.open(tmp_path / "file" / "store")


def test_what_the_database_cannot_hold_is_an_error_of_what_was_given(store):
    texts = ["half \ud800 of one"] + (["a\x00b"] if store.on_postgresql else [])
    for text in texts:
        with (
            pytest.raises(InputError, match="cannot be stored"),
            store.transaction() as tx,
        ):
            put_blob(tx, text, actor="ana", now=NOW)
    with store.reading() as tx:
        assert tx.execute(sa.select(schema.blob)).all() == []
