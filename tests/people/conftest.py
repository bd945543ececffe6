"""A store whose first admin is ana."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from passwords import full_cost, quick_passwords
from trueup.people import add_member
from trueup.store import Store, schema

__all__ = ["full_cost", "quick_passwords"]

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def password() -> str:
    return PASSWORD


@pytest.fixture
def ana(store: Store):
    """An admin without a password."""
    return add_member(store, "ana", "admin", actor="ana", now=NOW)


@pytest.fixture
def ben(store: Store, ana):
    """A reviewer who signs in with a password."""
    return add_member(
        store, "Ben", "reviewer", password=PASSWORD, email="ben@example.org", actor="ana", now=NOW
    )


@pytest.fixture
def rows(store: Store):
    """Return a function that gives every row of every table, as text."""

    def read() -> dict[str, list[str]]:
        with store.reading() as tx:
            return {
                table.name: sorted(str(tuple(row)) for row in tx.execute(sa.select(table)))
                for table in schema.metadata.sorted_tables
            }

    return read
