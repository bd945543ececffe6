"""The store: one database and one folder of files, opened by address.

The store is synchronous. Write transactions on SQLite begin with BEGIN IMMEDIATE: a deferred one
that turns into a writer fails at once and does not wait for `busy_timeout`. On PostgreSQL a write
transaction holds the store's advisory lock, so that it too is the only writer; one that locks the
rows it works on itself takes the lock in common with others of its kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection, Engine

from trueup.errors import InputError, StoreError
from trueup.store.databases import (
    BUSY_SECONDS,
    begin_immediate,
    beginning,
    find_store,
    open_folder,
    open_server,
)

__all__ = ["Store", "Tx", "default_store"]

Tx = Connection
"""An open transaction; handed to the functions of this room, opaque to all others."""


class Store:
    """A project's database and files.

    Open one with `Store.open`; the rows are read and written by the functions in this room, inside
    `store.transaction()` or `store.reading()`.
    """

    def __init__(self, engine: Engine, root: Path, address: str) -> None:
        self._engine = engine
        self._snapshots: Engine = engine
        if engine.dialect.name == "postgresql":
            # said with the BEGIN itself: each statement of its own is another way there and back
            self._snapshots = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        # SQLite has those who wait for its writer try again now and then, so that threads would
        # overtake one another for seconds; within a process they queue here instead
        self._writer = Lock()
        self._written: Connection | None = None
        self.root = root
        self.address = address

    @property
    def on_postgresql(self) -> bool:
        """Whether the database is PostgreSQL, and not SQLite in the folder."""
        return self._engine.dialect.name == "postgresql"

    @classmethod
    def open(cls, address: str | Path | None = None, *, create: bool = True) -> Store:
        """Open the store at `address` and bring its schema up to date.

        Args:
            address: a folder, with SQLite in it, or `postgresql://user@host/database`; that one's
                files lie in TRUEUP_FILES, else in the nearest `.trueup/`, else in a new one here.
                None finds the default store: TRUEUP_STORE, else the nearest parent folder that has
                `.trueup/`, else a new one here.
            create: whether a store that does not exist is made; readers pass False.

        Raises:
            StoreError: it does not exist and may not be made, or cannot be opened.
            MissingExtra: PostgreSQL's driver is not installed.
        """
        where = str(address) if address is not None else find_store()
        if not where.strip():
            raise StoreError("store '': the name is empty; name a folder with --store")
        if "://" in where:
            found = open_server(where)
        else:
            found = open_folder(Path(where).expanduser().resolve(), create=create)
        store = cls(found.engine, found.root, found.address)
        try:
            store._migrate(create=create)
        except BaseException:
            store.close()
            raise
        return store

    def relative(self, path: str | Path) -> str:
        """Return a path as the store keeps it: from its folder if inside, so that it can move."""
        whole = Path(path).expanduser().resolve()
        return str(whole.relative_to(self.root) if whole.is_relative_to(self.root) else whole)

    def locate(self, path: str) -> Path:
        """Return where a path lies that the store keeps."""
        return self.root / path  # an absolute path stands by itself

    @contextmanager
    def transaction(
        self, *, beside_others: bool = False, alone_on: str | None = None
    ) -> Iterator[Tx]:
        """Open a write transaction; it commits at the end and rolls back on an exception.

        Args:
            beside_others: whether others of its kind may write at the same time, since it locks
                the rows that its writes depend on. SQLite has one writer at a time all the same.
            alone_on: what it depends on beside those rows: others of its kind that name the same
                wait for it.

        Raises:
            StoreError: the database is damaged, full, read-only, or locked for too long.
        """
        with self._turn(), self._trouble_named(), self._writing() as connection:
            if self.on_postgresql:
                connection.exec_driver_sql(beginning(beside_others, alone_on))
            else:
                begin_immediate(connection)
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give a connection to write by; on SQLite always the same one, whose turn it is.

        SQLite forgets the pages that a connection has read as soon as another one writes.
        """
        if self.on_postgresql:
            with self._engine.connect() as connection:
                yield connection
            return
        if self._written is None:
            self._written = self._engine.connect()
            self._written.exec_driver_sql("PRAGMA busy_timeout=0")  # see `begin_immediate`
        try:
            yield self._written
        except sa.exc.DatabaseError:
            self._written.invalidate()  # whatever it is in, the next one begins anew
            self._written.close()
            self._written = None
            raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for this process's other writers, where the database has one at a time."""
        if self.on_postgresql:
            yield
            return
        if not self._writer.acquire(timeout=BUSY_SECONDS):
            raise StoreError(
                f"store {self.address}: database is locked by another thread; "
                "try again when that is done"
            )
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Open a transaction that sees one state of the store and writes nothing.

        Raises:
            StoreError: the database is damaged, or locked for too long.
        """
        with self._trouble_named(), self._snapshots.connect() as connection:
            if not self.on_postgresql:
                connection.exec_driver_sql("BEGIN DEFERRED")
            yield connection
            connection.rollback()

    @contextmanager
    def glance(self) -> Iterator[Tx]:
        """Read by one statement, which sees one state of the store by itself.

        Raises:
            StoreError: see `reading`.
        """
        with self._trouble_named(), self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        if self._written is not None:
            self._written.invalidate()
            self._written.close()
            self._written = None
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.address!r})"

    def _migrate(self, *, create: bool) -> None:
        scripts = _scripts()
        try:
            with self.reading() as tx:
                current = MigrationContext.configure(tx).get_current_revision()
            if current == scripts.get_current_head():
                return
            if current is None and not create:
                raise StoreError(
                    f"store {self.address} is empty: run `trueup loop` or `trueup trace import` "
                    "to fill it, or name another with --store"
                )
            with self._rewriting() as tx:
                config = Config(attributes={"connection": tx})
                config.set_main_option("script_location", scripts.dir)
                command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"store {self.address} was written by a newer trueup: upgrade trueup to open it"
            ) from error

    @contextmanager
    def _rewriting(self) -> Iterator[Tx]:
        """Open a write transaction in which tables may be made anew.

        SQLite does that by making another table and dropping the one there was, which foreign keys
        would forbid; they are checked at the end instead (sqlite.org/lang_altertable.html).
        """
        with self.transaction() as tx:
            if self.on_postgresql:
                yield tx
                return
            tx.exec_driver_sql("ROLLBACK")  # the switch does nothing inside a transaction
            tx.exec_driver_sql("PRAGMA foreign_keys=OFF")
            begin_immediate(tx)
            try:
                yield tx
                if broken := tx.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StoreError(
                        f"store {self.address}: a row of {broken[0]} names a {broken[2]} that is "
                        "not there; restore a backup"
                    )
                tx.exec_driver_sql("COMMIT")
            except BaseException:
                tx.exec_driver_sql("ROLLBACK")
                raise
            finally:
                tx.exec_driver_sql("PRAGMA foreign_keys=ON")
                begin_immediate(tx)

    @contextmanager
    def _trouble_named(self) -> Iterator[None]:
        """Say which store it is that the database cannot work on, and what it cannot keep."""
        try:
            yield
        except (sa.exc.DataError, UnicodeEncodeError) as error:
            reason = "half a character in a text"
            if isinstance(error, sa.exc.DataError):
                reason = str(error.orig).splitlines()[0]
            raise InputError(f"what was given cannot be stored: {reason}; leave it out") from error
        except sa.exc.DatabaseError as error:
            # a row that breaks a rule, or a statement that is wrong, is no fault of the file
            if type(error) not in (sa.exc.DatabaseError, sa.exc.OperationalError):
                raise
            reason = str(error.orig).splitlines()[0]
            if "locked" in reason:
                advice = "another process writes to it: try again when that is done"
            elif "too many" in reason:
                advice = "serve with fewer workers, or have the database take more connections"
            else:
                advice = "check the address, the rights and the disk, or restore a backup"
            raise StoreError(f"store {self.address}: {reason}; {advice}") from error


@cache
def _scripts() -> ScriptDirectory:
    """Read the migrations, once a process."""
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


_opened: dict[str, Store] = {}


def default_store(*, create: bool = False) -> Store:
    """Return the default store, opened once a process; what `AnnotationQueue.get` and others use.

    Raises:
        StoreError: there is none yet and `create` is False.
    """
    address = find_store()
    if address not in _opened:
        _opened[address] = Store.open(address, create=create)
    return _opened[address]
