"""How members come in: sessions, API keys, sign-ins under way, and the tries that failed.

Tokens and keys come here as their SHA-256 only, names and addresses that failed as a hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import new_id
from trueup.store.people import Member, joined_member, member_of, with_teams

__all__ = [
    "ApiKey",
    "SessionRow",
    "add_failures",
    "end_session",
    "end_sessions",
    "extend_session",
    "failures",
    "find_key",
    "find_session",
    "forget_failures",
    "forget_old_failures",
    "forget_pending",
    "forget_sessions",
    "list_keys",
    "list_sessions",
    "put_key",
    "put_pending",
    "put_session",
    "revoke_key",
    "take_pending",
    "touch_key",
]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that has not been ended; whether it is over by time is for the caller to say."""

    member: Member
    created_at: datetime
    expires_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of an API key, which is all but the key.

    Attributes:
        prefix: how the key begins, to tell keys apart by.
        owner: name of the member it acts for.
        scopes: the permissions it narrows its owner's to.
    """

    id: str
    prefix: str
    owner: str
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


def _asking(table: sa.Table) -> sa.Select[Any]:
    """Return a query for rows of a table with their members: every request asks, by one statement.

    The table's columns are named `its_...`, beside the member's.
    """
    its = [column.label(f"its_{column.name}") for column in table.c]
    return with_teams(*its).join(table, table.c.member_id == schema.member.c.id)


_KEYS = sa.select(
    *(column.label(f"its_{column.name}") for column in schema.api_key.c), schema.member.c.name
).join_from(schema.api_key, schema.member)
_BY_HASH = _asking(schema.api_key).where(schema.api_key.c.hash == sa.bindparam("by_hash"))
_OPEN_SESSION = _asking(schema.session).where(
    schema.session.c.id == sa.bindparam("by_id"), schema.session.c.ended_at.is_(None)
)


def put_session(
    tx: Tx, session_id: str, member_id: str, *, expires_at: datetime, actor: str, now: datetime
) -> None:
    """Store a new session under the hash of its token."""
    row = {"id": session_id, "member_id": member_id, "expires_at": expires_at}
    tx.execute(sa.insert(schema.session), row | {"actor": actor, "created_at": now})


def find_session(tx: Tx, session_id: str) -> SessionRow | None:
    """Return the session of that hash with its member, or None where there is none or it ended."""
    rows = tx.execute(_OPEN_SESSION, {"by_id": session_id}).all()
    if not rows:
        return None
    its = rows[0]
    return SessionRow(joined_member(rows), its.its_created_at, its.its_expires_at, its.its_id)


def list_sessions(tx: Tx, member_id: str, *, now: datetime) -> list[SessionRow]:
    """Return a member's sessions that are not over, the newest first."""
    t, member = schema.session.c, member_of(tx, member_id)
    query = sa.select(t.created_at, t.expires_at, t.id).where(
        t.member_id == member_id, t.ended_at.is_(None), t.expires_at > now
    )
    found = tx.execute(query.order_by(t.created_at.desc(), t.id))
    return [SessionRow(member, *row) for row in found]


def extend_session(tx: Tx, session_id: str, expires_at: datetime) -> None:
    """Have a session last until then, where it would end before."""
    t = schema.session.c
    query = sa.update(schema.session).where(t.id == session_id, t.expires_at < expires_at)
    tx.execute(query.values(expires_at=expires_at))


def end_session(tx: Tx, session_id: str, now: datetime) -> bool:
    """End a session and return whether it had not been ended."""
    t = schema.session.c
    query = sa.update(schema.session).where(t.id == session_id, t.ended_at.is_(None))
    return tx.execute(query.values(ended_at=now)).rowcount == 1


def end_sessions(tx: Tx, member_id: str, now: datetime, *, keep: str = "") -> int:
    """End a member's sessions, but for one, and return how many that were not over by then."""
    t = schema.session.c
    query = sa.update(schema.session).where(
        t.member_id == member_id, t.ended_at.is_(None), t.id != keep, t.expires_at > now
    )
    return tx.execute(query.values(ended_at=now)).rowcount


def forget_sessions(tx: Tx, now: datetime) -> int:
    """Forget the sessions that have ended or are over, and return how many."""
    t = schema.session.c
    over = sa.or_(t.ended_at.is_not(None), t.expires_at <= now)
    return tx.execute(sa.delete(schema.session).where(over)).rowcount


def put_key(
    tx: Tx,
    member_id: str,
    *,
    hash: str,
    prefix: str,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    actor: str,
    now: datetime,
) -> ApiKey:
    """Store a new API key by its hash and return what is known of it."""
    row = {
        "id": new_id(),
        "hash": hash,
        "prefix": prefix,
        "member_id": member_id,
        "name": name,
        "scopes": list(scopes),
        "expires_at": expires_at,
        "actor": actor,
        "created_at": now,
    }
    tx.execute(sa.insert(schema.api_key), row)
    [made] = list_keys(tx, key_id=str(row["id"]))
    return made


def list_keys(tx: Tx, *, member_id: str | None = None, key_id: str | None = None) -> list[ApiKey]:
    """Return the API keys of a member, of an id, or all, the newest first."""
    t, query = schema.api_key.c, _KEYS
    if member_id is not None:
        query = query.where(t.member_id == member_id)
    if key_id is not None:
        query = query.where(t.id == key_id)
    return [_key(row) for row in tx.execute(query.order_by(t.created_at.desc(), t.id.desc()))]


def find_key(tx: Tx, hash: str) -> tuple[ApiKey, Member] | None:
    """Return the API key of that hash with its owner, or None."""
    rows = tx.execute(_BY_HASH, {"by_hash": hash}).all()
    return (_key(rows[0]), joined_member(rows)) if rows else None


def touch_key(tx: Tx, key_id: str, now: datetime) -> None:
    """Note that an API key was used."""
    tx.execute(
        sa.update(schema.api_key).where(schema.api_key.c.id == key_id).values(last_used_at=now)
    )


def revoke_key(tx: Tx, key_id: str, now: datetime) -> bool:
    """Revoke an API key and return whether it had not been revoked."""
    t = schema.api_key.c
    query = sa.update(schema.api_key).where(t.id == key_id, t.revoked_at.is_(None))
    return tx.execute(query.values(revoked_at=now)).rowcount == 1


def _key(row: Any) -> ApiKey:
    return ApiKey(
        row.its_id,
        row.its_prefix,
        row.name,
        row.its_name,
        tuple(row.its_scopes),
        row.its_expires_at,
        row.its_revoked_at,
        row.its_last_used_at,
        row.its_created_at,
    )


def failures(tx: Tx, subject: str, *, since: datetime) -> list[datetime]:
    """Return when a subject's tries to sign in failed after `since`, the first first."""
    t = schema.sign_in_failure.c
    query = sa.select(t.created_at).where(t.subject == subject, t.created_at > since)
    return list(tx.execute(query.order_by(t.created_at)).scalars())


def add_failures(tx: Tx, subjects: Iterable[str], *, actor: str, now: datetime) -> None:
    """Note a failed try for each subject."""
    rows = [{"id": new_id(), "subject": s, "actor": actor, "created_at": now} for s in subjects]
    tx.execute(sa.insert(schema.sign_in_failure), rows)


def forget_old_failures(tx: Tx, *, before: datetime) -> int:
    """Forget the failed tries that lie before a time, and return how many."""
    table = schema.sign_in_failure
    return tx.execute(sa.delete(table).where(table.c.created_at <= before)).rowcount


def forget_failures(tx: Tx, subject: str) -> None:
    """Forget a subject's failed tries."""
    table = schema.sign_in_failure
    tx.execute(sa.delete(table).where(table.c.subject == subject))


def put_pending(
    tx: Tx, pending_id: str, *, expires_at: datetime, actor: str, now: datetime
) -> None:
    """Store a sign-in under way under the hash of its secret."""
    row = {"id": pending_id, "expires_at": expires_at, "actor": actor, "created_at": now}
    tx.execute(sa.insert(schema.pending_sign_in), row)


def take_pending(tx: Tx, pending_id: str, now: datetime) -> bool:
    """Use a sign-in under way up, and return whether there was one that was not over."""
    t = schema.pending_sign_in.c
    query = sa.delete(schema.pending_sign_in).where(t.id == pending_id, t.expires_at > now)
    return tx.execute(query).rowcount == 1


def forget_pending(tx: Tx, now: datetime) -> int:
    """Forget the sign-ins under way that are over, and return how many."""
    t = schema.pending_sign_in.c
    return tx.execute(sa.delete(schema.pending_sign_in).where(t.expires_at <= now)).rowcount
