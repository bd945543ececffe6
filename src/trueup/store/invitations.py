"""Invitations to become a member, by the hash of their token.

What was taken back is gone: that it was made, and taken back, is in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import new_id
from trueup.store.people import Role

__all__ = [
    "InvitationRow",
    "close_first_invitations",
    "delete_invitation",
    "find_invitation",
    "forget_invitations",
    "list_invitations",
    "put_invitation",
    "use_invitation",
]


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation; whether it is over by time is for the caller to say.

    Attributes:
        first: whether it is good only while there is no member.
        used_at: when somebody became a member by it; None is not yet.
        actor: who made it.
    """

    id: str
    role: Role
    email: str | None
    first: bool
    expires_at: datetime
    used_at: datetime | None
    actor: str
    created_at: datetime


_T = schema.invitation.c
_ROWS = sa.select(
    _T.id, _T.role, _T.email, _T.first, _T.expires_at, _T.used_at, _T.actor, _T.created_at
)


def put_invitation(
    tx: Tx,
    *,
    hash: str,
    role: str,
    email: str | None,
    first: bool,
    expires_at: datetime,
    actor: str,
    now: datetime,
) -> str:
    """Store a new invitation by its hash and return its id."""
    row = {
        "id": new_id(),
        "hash": hash,
        "role": role,
        "email": email,
        "first": first,
        "expires_at": expires_at,
        "actor": actor,
        "created_at": now,
    }
    tx.execute(sa.insert(schema.invitation), row)
    return str(row["id"])


def find_invitation(tx: Tx, hash: str) -> InvitationRow | None:
    """Return the invitation of that hash, or None where there is none or it was used."""
    t = schema.invitation.c
    row = tx.execute(_ROWS.where(t.hash == hash, t.used_at.is_(None))).first()
    return None if row is None else InvitationRow(*row)


def list_invitations(
    tx: Tx, *, invitation_id: str | None = None, project: str = "default"
) -> list[InvitationRow]:
    """Return the invitations, used ones too, or the one of an id, the newest first."""
    t, query = schema.invitation.c, _ROWS
    if invitation_id is not None:
        query = query.where(t.id == invitation_id)
    query = query.where(t.project == project).order_by(t.created_at.desc(), t.id.desc())
    return [InvitationRow(*row) for row in tx.execute(query)]


def use_invitation(tx: Tx, invitation_id: str, now: datetime) -> bool:
    """Use an invitation up and return whether it had not been used."""
    t = schema.invitation.c
    query = sa.update(schema.invitation).where(t.id == invitation_id, t.used_at.is_(None))
    return tx.execute(query.values(used_at=now)).rowcount == 1


def close_first_invitations(tx: Tx) -> None:
    """Take back the invitations to be the first member that nobody has used."""
    t = schema.invitation.c
    tx.execute(sa.delete(schema.invitation).where(t.first, t.used_at.is_(None)))


def delete_invitation(tx: Tx, invitation_id: str) -> bool:
    """Take back an invitation and return whether nobody had used it."""
    t = schema.invitation.c
    query = sa.delete(schema.invitation).where(t.id == invitation_id, t.used_at.is_(None))
    return tx.execute(query).rowcount == 1


def forget_invitations(tx: Tx, *, before: datetime) -> int:
    """Forget the invitations that were over by then, used or not, and return how many."""
    t = schema.invitation.c
    return tx.execute(sa.delete(schema.invitation).where(t.expires_at <= before)).rowcount
