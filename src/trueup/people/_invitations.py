"""Invitations: a token that makes its bearer a member, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trueup.errors import AccessDenied
from trueup.people._members import put
from trueup.people._names import check_role, checked_email, checked_name, checked_password
from trueup.people._secrets import hash_password, new_token, token_hash
from trueup.store import Store, Tx, events
from trueup.store import people as rows
from trueup.store.people import Member, Role
from trueup.store.stamp import Stamp, stamp

__all__ = ["Invitation", "accept", "first_invitation", "invite"]

_DAYS = 7
_FIRST_DAYS = 1


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as it is handed to whom it is for; the token cannot be read again.

    Attributes:
        token: what lets its bearer become a member.
        role: what they may do then.
        expires_at: until when.
    """

    token: str = field(repr=False)
    role: Role
    expires_at: datetime


def first_invitation(
    store: Store, *, actor: str | None = None, now: datetime | None = None
) -> str | None:
    """Return the token of an invitation to be the first admin, or None where there is a member.

    It is good once, for a day and while there is no member, and takes the place of those before.
    """
    stamped = stamp(actor, now)
    with store.transaction() as tx:
        if rows.has_members(tx):
            return None
        rows.close_first_invitations(tx, stamped.now)
        return _put(tx, "admin", None, _FIRST_DAYS, stamped, first=True).token


def invite(
    store: Store,
    role: Role,
    *,
    email: str = "",
    actor: str | None = None,
    now: datetime | None = None,
) -> Invitation:
    """Invite somebody to become a member of that role, within a week.

    Raises:
        InputError: there is no such role, or the email is none.
    """
    check_role(role)
    mail, stamped = checked_email(email), stamp(actor, now)
    with store.transaction() as tx:
        return _put(tx, role, mail, _DAYS, stamped)


def accept(
    store: Store, token: str, name: str, password: str, *, now: datetime | None = None
) -> Member:
    """Become a member by an invitation, and use it up.

    Raises:
        AccessDenied: the invitation is unknown, used, or over.
        InputError: the name is taken or cannot be one, or the password cannot be one.
    """
    name, when = checked_name(name), stamp(None, now).now
    with store.reading() as tx:
        found = _open(tx, token, when)
    kept = hash_password(checked_password(password, name, found.email))
    stamped = Stamp(name, when)
    with store.transaction() as tx:
        found = _open(tx, token, when)  # another may have used it while the password was hashed
        rows.use_invitation(tx, found.id, when)
        member = put(tx, name, found.email, found.role, kept, stamped)
        detail = {"name": name, "role": found.role, "invitation": found.id}
        events.record(tx, "accept", "member", member.id, detail, **stamped._asdict())
    return member


def _put(
    tx: Tx, role: Role, email: str | None, days: int, stamped: Stamp, *, first: bool = False
) -> Invitation:
    token, until = new_token(), stamped.now + timedelta(days=days)
    made = rows.put_invitation(
        tx,
        hash=token_hash(token),
        role=role,
        email=email,
        first=first,
        expires_at=until,
        **stamped._asdict(),
    )
    detail = {"role": role, "first": first, "expires_at": until.isoformat()}
    events.record(tx, "invite", "invitation", made, detail, **stamped._asdict())
    return Invitation(token, role, until)


def _open(tx: Tx, token: str, now: datetime) -> rows.InvitationRow:
    found = rows.find_invitation(tx, token_hash(token))
    over = found is None or found.expires_at <= now or (found.first and rows.has_members(tx))
    if found is None or over:
        raise AccessDenied("this invitation is unknown, used, or over: ask an admin for another")
    return found
