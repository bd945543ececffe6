"""What the row functions of this room share: insert-or-ignore, and texts by their hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from trueup.errors import StoreError
from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import content_hash

__all__ = [
    "chunks",
    "get_blob",
    "get_blobs",
    "get_json",
    "insert_new",
    "put_blob",
    "put_json",
    "rows_among",
]

_CHUNK = 500  # under SQLite's limit on bound variables


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    """Yield distinct keys, sorted, as many at a time as a query can bind."""
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), _CHUNK):
        yield wanted[start : start + _CHUNK]


def insert_new(tx: Tx, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows that are not there yet and return how many were.

    A row that clashes with any unique key of the table is left out: writing twice is writing once.
    """
    query = _insert_new(table, tx.dialect.name)
    return sum(tx.execute(query, dict(row)).rowcount for row in rows)


@cache
def _insert_new(table: sa.Table, dialect: str) -> sa.Executable:
    """Return the statement, made once: making it takes longer than running it."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    query = insert(table).on_conflict_do_nothing().inline()
    return query.execution_options(preserve_rowcount=True)


def put_blob(tx: Tx, text: str, *, actor: str, now: datetime) -> str:
    """Store a text once and return its hash."""
    key = content_hash(text)
    insert_new(tx, schema.blob, [{"id": key, "text": text, "actor": actor, "created_at": now}])
    return key


def put_json(tx: Tx, value: Any, *, actor: str, now: datetime) -> str:
    """Store a JSON value's canonical text once and return its hash."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return put_blob(tx, text, actor=actor, now=now)


def get_blobs(tx: Tx, keys: Iterable[str]) -> dict[str, str]:
    """Return the texts of `keys`.

    Raises:
        StoreError: one was erased or never stored.
    """
    wanted = set(keys)
    found: dict[str, str] = {}
    for some in chunks(wanted):
        query = sa.select(schema.blob.c.id, schema.blob.c.text).where(schema.blob.c.id.in_(some))
        found.update({row.id: row.text for row in tx.execute(query) if row.text is not None})
    if missing := sorted(wanted - found.keys()):
        raise StoreError(
            f"text {missing[0][:12]} (and {len(missing) - 1} more) was erased or never stored: "
            "leave the rows that need it out"
        )
    return found


def get_blob(tx: Tx, key: str) -> str:
    """Return one text; see `get_blobs`."""
    return get_blobs(tx, [key])[key]


def get_json(tx: Tx, key: str) -> Any:
    """Return one JSON value; see `get_blobs`."""
    return json.loads(get_blob(tx, key))


def rows_among(
    tx: Tx, query: sa.Select[Any], column: sa.Column[Any], values: Iterable[str] | None
) -> list[Any]:
    """Run the query, restricted to rows whose `column` is among `values` where they are given."""
    if values is None:
        return list(tx.execute(query))
    return [row for some in chunks(values) for row in tx.execute(query.where(column.in_(some)))]
