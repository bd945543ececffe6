"""Invitations: a token that makes its bearer a member, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from trueup.errors import AccessDenied, UnknownName
from trueup.people._members import put
from trueup.people._names import (
    check_role,
    checked_email,
    checked_name,
    checked_password,
    key_of,
)
from trueup.people._secrets import hash_password, new_token, token_hash
from trueup.store import Store, Tx, events
from trueup.store import invitations as rows
from trueup.store.people import Member, Role, has_members
from trueup.store.stamp import Stamp, moment, stamp

__all__ = [
    "Invitation",
    "SentInvitation",
    "accept",
    "cancel_invitation",
    "find_open",
    "first_invitation",
    "invite",
    "list_invitations",
    "open_for",
]

InvitationState = Literal["open", "used", "expired"]

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


@dataclass(frozen=True, slots=True)
class SentInvitation:
    """What is known of an invitation, which is all but the token.

    Attributes:
        first: whether it is good only while there is no member.
        state: `open`, `used`, or `expired`: over by time, or since there is a member.
        actor: who made it.
    """

    id: str
    role: Role
    email: str | None
    first: bool
    state: InvitationState
    expires_at: datetime
    actor: str
    created_at: datetime


def first_invitation(
    store: Store, *, actor: str | None = None, now: datetime | None = None
) -> str | None:
    """Return the token of an invitation to be the first admin, or None where there is a member.

    It is good once, for a day and while there is no member, and takes the place of those before.
    """
    stamped = stamp(actor, now)
    with store.transaction() as tx:
        if has_members(tx):
            return None
        rows.close_first_invitations(tx)
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
    name, when = checked_name(name), moment(now)
    with store.reading() as tx:
        found = find_open(tx, token, when)
    kept = hash_password(checked_password(password, name, found.email))
    stamped = Stamp(name, when)
    with store.transaction() as tx:
        found = find_open(tx, token, when)  # another may have used it while the password was hashed
        rows.use_invitation(tx, found.id, when)
        member = put(tx, name, found.email, found.role, kept, stamped)
        detail = {"name": name, "role": found.role, "invitation": found.id}
        events.record(tx, "accept", "member", member.id, detail, **stamped._asdict())
    return member


def list_invitations(store: Store, *, now: datetime | None = None) -> list[SentInvitation]:
    """Return the invitations there are, used and expired ones too, the newest first."""
    when = moment(now)
    with store.reading() as tx:
        return [
            SentInvitation(
                row.id,
                row.role,
                row.email,
                row.first,
                _state(tx, row, when),
                row.expires_at,
                row.actor,
                row.created_at,
            )
            for row in rows.list_invitations(tx)
        ]


def cancel_invitation(
    store: Store, invitation_id: str, *, actor: str | None = None, now: datetime | None = None
) -> None:
    """Take an invitation back, so that its token lets nobody in.

    Raises:
        UnknownName: there is no invitation of that id that nobody has used.
    """
    stamped = stamp(actor, now)
    with store.transaction() as tx:
        found = rows.list_invitations(tx, invitation_id=invitation_id)
        if not rows.delete_invitation(tx, invitation_id):
            raise UnknownName(
                f"no invitation {invitation_id!r} that is not used: "
                "take an id from the list of invitations"
            )
        detail = {"role": found[0].role}
        events.record(tx, "cancel", "invitation", invitation_id, detail, **stamped._asdict())


def open_for(tx: Tx, email: str, now: datetime) -> rows.InvitationRow | None:
    """Return the newest open invitation that names an email, or None."""
    for found in rows.list_invitations(tx):
        named = found.email is not None and key_of(found.email) == key_of(email)
        if named and _state(tx, found, now) == "open":
            return found
    return None


def _state(tx: Tx, found: rows.InvitationRow, now: datetime) -> InvitationState:
    if found.used_at is not None:
        return "used"
    over = found.expires_at <= now or (found.first and has_members(tx))
    return "expired" if over else "open"


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


def find_open(tx: Tx, token: str, now: datetime) -> rows.InvitationRow:
    """Return the invitation of a token.

    Raises:
        AccessDenied: it is unknown, used, or over.
    """
    found = rows.find_invitation(tx, token_hash(token))
    if found is None or _state(tx, found, now) != "open":
        raise AccessDenied("this invitation is unknown, used, or over: ask an admin for another")
    return found
