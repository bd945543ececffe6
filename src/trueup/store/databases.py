"""The two databases that a store may lie in: how each is opened, and how a writer begins there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from trueup.errors import MissingExtra, StoreError

__all__ = [
    "BUSY_SECONDS",
    "Database",
    "begin_immediate",
    "beginning",
    "find_folder",
    "find_store",
    "open_folder",
    "open_server",
]

FOLDER = ".trueup"
BUSY_SECONDS = 30
_DATABASE = "trueup.db"
_TRY_SECONDS = 0.001
# connections that are kept, to a file and to a server, which has so many for all; more are opened
# as they are needed, since the pool lets those who wait for one overtake one another for ever
_KEPT_TO_FILE, _KEPT_TO_SERVER = 40, 8
_LOCK = 0x74727565  # "true": the advisory lock that writers take
_UNUSED_SECONDS = 10  # after which a connection is tried before it is used


@dataclass(frozen=True, slots=True)
class Database:
    """A database, the folder of files that belongs to it, and what messages call both."""

    engine: Engine
    root: Path
    address: str


def open_folder(folder: Path, *, create: bool) -> Database:
    """Return SQLite in a folder; see `Store.open`."""
    database = folder / _DATABASE
    if not database.exists() and not create:
        raise StoreError(
            f"no store at {folder}: run `trueup loop` or `trueup trace import` to make one, "
            "or name another with --store"
        )
    _make(folder, "name another with --store")
    engine = sa.create_engine(
        f"sqlite:///{database}", pool_size=_KEPT_TO_FILE, max_overflow=-1, pool_use_lifo=True
    )
    event.listen(engine, "connect", _on_sqlite_connect)
    return Database(engine, folder, str(folder))


def open_server(where: str) -> Database:
    """Return a PostgreSQL database; see `Store.open`."""
    parts = urlsplit(where)
    if parts.scheme not in ("postgresql", "postgres"):
        raise StoreError(
            f"store {parts.scheme}://...: a store is a folder or postgresql://user@host/database; "
            "name one with --store"
        )
    try:
        url = sa.make_url(where).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(
            url,
            pool_size=_KEPT_TO_SERVER,
            max_overflow=-1,
            pool_use_lifo=True,
            isolation_level="AUTOCOMMIT",  # transactions begin and end by what is written here
        )
        event.listen(engine, "checkin", _on_checkin)
        event.listen(engine, "checkout", _on_checkout)
    except ImportError as error:
        raise MissingExtra(
            "a store on PostgreSQL needs its driver: pip install 'trueup[postgres]'"
        ) from error
    except (ValueError, sa.exc.ArgumentError) as error:
        raise StoreError(
            f"store {parts.scheme}://{parts.hostname or ''}...: it is no address "
            "(postgresql://user@host/database is); name one with --store"
        ) from error
    files = Path(os.environ.get("TRUEUP_FILES") or find_folder()).expanduser().resolve()
    _make(files, "name another with TRUEUP_FILES")
    # the driver's name and the password are nobody's business in a message
    shown = url.set(drivername="postgresql").render_as_string(hide_password=True)
    return Database(engine, files, shown)


def _make(folder: Path, advice: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"store {folder}: cannot make the folder ({error.strerror}); {advice}"
        ) from error


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # autocommit at the driver: SQLAlchemy's own BEGIN would be a deferred one
    connection.isolation_level = None
    cursor = connection.cursor()
    _insist(lambda: cursor.execute("PRAGMA journal_mode=WAL"))
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    cursor.close()


def beginning(beside_others: bool, alone_on: str | None) -> str:
    """Return the words that begin to write on PostgreSQL, and wait for whom there is to wait for.

    They go in one message; locks of two numbers are others than those of one.
    """
    taken = f"pg_advisory_xact_lock{'_shared' if beside_others else ''}({_LOCK})"
    if alone_on is not None:
        number = int.from_bytes(sha256(alone_on.encode()).digest()[:4], "big", signed=True)
        taken += f", pg_advisory_xact_lock({_LOCK}, {number})"
    return f"BEGIN; SELECT {taken}"


def begin_immediate(connection: Connection) -> None:
    """Begin to write on SQLite, when other processes let us."""
    _insist(lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def _insist(work: Callable[[], object]) -> None:
    """Do what SQLite refuses while others write.

    It would itself try again ever more seldom, at last ten times a second, so that one of many who
    write briefly could wait for seconds; and some things not at all.
    """
    until = monotonic() + BUSY_SECONDS
    while True:
        try:
            work()
        except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
            told = getattr(error, "orig", error)
            code = getattr(told, "sqlite_errorcode", 0) & 0xFF  # without what it was busy at
            if code != sqlite3.SQLITE_BUSY or monotonic() > until:
                raise
            sleep(_TRY_SECONDS)
        else:
            return


def _on_checkin(_connection: Any, record: Any) -> None:
    record.info["used"] = monotonic()


def _on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
    # the server may have been started again since; to ask each time would double a short request
    if monotonic() - record.info.get("used", monotonic()) > _UNUSED_SECONDS:
        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except Exception as error:
            raise sa.exc.DisconnectionError from error


def find_store(start: Path | None = None) -> str:
    """Return the address of the default store, whether or not it exists yet."""
    return os.environ.get("TRUEUP_STORE") or str(find_folder(start, having=_DATABASE))


def find_folder(start: Path | None = None, *, having: str = "") -> Path:
    """Return the nearest `.trueup/` that has what is asked for, else the one to make here."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FOLDER / having).exists():
            return folder / FOLDER
    return here / FOLDER
