"""The store: one database and one folder of files, opened by address.

The store is synchronous. Write transactions on SQLite begin with BEGIN IMMEDIATE: a deferred one
that turns into a writer fails at once and does not wait for `busy_timeout`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from trueup.errors import StoreError

__all__ = ["Store", "Tx", "default_store", "find_store"]

Tx = Connection
"""An open transaction; handed to the functions of this room, opaque to all others."""

FOLDER = ".trueup"
_DATABASE = "trueup.db"
_BUSY_SECONDS = 30


class Store:
    """A project's database and files.

    Open one with `Store.open`; the rows are read and written by the functions in this room, inside
    `store.transaction()` or `store.reading()`.
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine = engine
        self.root = root
        self.address = str(root)

    @classmethod
    def open(cls, address: str | Path | None = None, *, create: bool = True) -> Store:
        """Open the store at `address` and bring its schema up to date.

        Args:
            address: a folder. None finds the default store: TRUEUP_STORE, else the nearest parent
                folder that has `.trueup/`, else a new one here.
            create: whether a store that does not exist is made; readers pass False.

        Raises:
            StoreError: it does not exist and may not be made, or cannot be opened.
        """
        where = str(address) if address is not None else find_store()
        if not where.strip():
            raise StoreError("store '': the name is empty; name a folder with --store")
        if "://" in where:
            raise StoreError(f"store {where}: a store is a folder; name one with --store")
        folder = Path(where).expanduser().resolve()
        database = folder / _DATABASE
        if not database.exists() and not create:
            raise StoreError(
                f"no store at {folder}: run `trueup loop` or `trueup trace import` to make one, "
                "or name another with --store"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"store {folder}: cannot make the folder ({error.strerror}); "
                "name another with --store"
            ) from error
        engine = sa.create_engine(f"sqlite:///{database}")
        event.listen(engine, "connect", _on_sqlite_connect)
        store = cls(engine, folder)
        store._migrate()
        return store

    def relative(self, path: str | Path) -> str:
        """Return a path as the store keeps it: from its folder if inside, so that it can move."""
        whole = Path(path).expanduser().resolve()
        return str(whole.relative_to(self.root) if whole.is_relative_to(self.root) else whole)

    def locate(self, path: str) -> Path:
        """Return where a path lies that the store keeps."""
        return self.root / path  # an absolute path stands by itself

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Open a write transaction; it commits at the end and rolls back on an exception.

        Raises:
            StoreError: the database is damaged, full, read-only, or locked for too long.
        """
        with self._trouble_named(), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Open a transaction that sees one state of the store and writes nothing.

        Raises:
            StoreError: the database is damaged, or locked for too long.
        """
        with self._trouble_named(), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN DEFERRED")
            yield connection
            connection.rollback()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.address!r})"

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        head = ScriptDirectory.from_config(config).get_current_head()
        try:
            with self.reading() as tx:
                current = MigrationContext.configure(tx).get_current_revision()
            if current == head:
                return
            with self.transaction() as tx:
                config.attributes["connection"] = tx
                command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"store {self.address} was written by a newer trueup: upgrade trueup to open it"
            ) from error

    @contextmanager
    def _trouble_named(self) -> Iterator[None]:
        """Say which store it is that the database cannot work on."""
        try:
            yield
        except sa.exc.DatabaseError as error:
            # a row that breaks a rule, or a statement that is wrong, is no fault of the file
            if type(error) not in (sa.exc.DatabaseError, sa.exc.OperationalError):
                raise
            reason = str(error.orig).splitlines()[0]
            if "locked" in reason:
                advice = "another process writes to it: try again when that is done"
            else:
                advice = "check the address, the rights and the disk, or restore a backup"
            raise StoreError(f"store {self.address}: {reason}; {advice}") from error


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # autocommit at the driver: SQLAlchemy's own BEGIN would be a deferred one
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    cursor.close()


def find_store(start: Path | None = None) -> str:
    """Return the address of the default store, whether or not it exists yet."""
    if named := os.environ.get("TRUEUP_STORE"):
        return named
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FOLDER / _DATABASE).exists():
            return str(folder / FOLDER)
    return str(here / FOLDER)


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
