"""Signing in and out, and whose session a token is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trueup.errors import SignInError
from trueup.people._attempts import note_failure, refuse, subjects_of
from trueup.people._members import find
from trueup.people._names import checked_password, key_of
from trueup.people._roles import Actor, permissions_of
from trueup.people._secrets import (
    hash_password,
    new_token,
    outdated,
    token_hash,
    verify_password,
)
from trueup.store import Store, Tx, access, events
from trueup.store import people as rows
from trueup.store.people import Member
from trueup.store.stamp import moment, stamp

__all__ = [
    "Session",
    "begin",
    "end_sessions",
    "list_sessions",
    "session_of",
    "set_password",
    "sign_in",
    "sign_out",
]

_IDLE = timedelta(hours=12)
_WHOLE = timedelta(days=30)  # NIST SP 800-63B, 4.1.3: then sign in again
_WRITE = timedelta(hours=1)  # a session's end is moved in steps of this
_WRONG = "wrong name or password: try again, or ask an admin for a new password"


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is not over.

    Attributes:
        this: whether it is the one that asked.
        used_at: when it was used last, to within an hour.
    """

    this: bool
    created_at: datetime
    used_at: datetime
    expires_at: datetime


def sign_in(
    store: Store,
    name_or_email: str,
    password: str,
    *,
    address: str = "",
    now: datetime | None = None,
) -> tuple[str, Actor]:
    """Begin a session for whoever has this name, or email, and password; return its token and who.

    Whatever is wrong, it takes as long and says the same. After five failures within 15 minutes
    for a name or for an address, further tries are refused, right ones too. The token cannot be
    read again.

    Args:
        store: where.
        name_or_email: who.
        password: as it was typed.
        address: where the try comes from; "" is nowhere that tries could be counted for.
        now: when.

    Raises:
        SignInError: the name or the password is wrong, or there were too many tries.
    """
    when, subjects = moment(now), subjects_of(name_or_email, address)
    member, kept = _prove(store, name_or_email, password, subjects, when)
    renewed = {"password_hash": hash_password(password)} if outdated(kept) else {}
    with store.transaction() as tx:
        refuse(tx, subjects, when)  # others may have tried meanwhile
        member = rows.member_of(tx, member.id)
        if not member.active or rows.password_of(tx, member.id) != kept:
            raise SignInError(_WRONG)
        access.forget_failures(tx, subjects[0])
        if renewed:
            rows.set_member(tx, member.id, renewed)
        return begin(tx, member, {"rehashed": True} if renewed else {}, when)


def begin(tx: Tx, member: Member, detail: Mapping[str, Any], now: datetime) -> tuple[str, Actor]:
    """Begin a session for a member who has proved who they are; return its token and who."""
    token, until = new_token(), now + _IDLE
    access.put_session(
        tx, token_hash(token), member.id, expires_at=until, actor=member.name, now=now
    )
    events.record(tx, "sign_in", "member", member.id, detail, actor=member.name, now=now)
    return token, _actor(member, token, until)


def session_of(store: Store, token: str, *, now: datetime | None = None) -> Actor | None:
    """Return who is signed in by a token, or None where it is unknown, ended or over.

    A session ends 12 hours after it was last used, and 30 days after it began. Its end is moved in
    steps of an hour, so that a page that is looked at is not a write.
    """
    when, session_id = moment(now), token_hash(token)
    with store.glance() as tx:
        found = access.find_session(tx, session_id)
    if found is None or found.expires_at <= when or not found.member.active:
        return None
    until = min(when + _IDLE, found.created_at + _WHOLE)
    if until - found.expires_at < _WRITE:
        return _actor(found.member, token, found.expires_at)
    with store.transaction() as tx:
        access.extend_session(tx, session_id, until)
    return _actor(found.member, token, until)


def sign_out(store: Store, token: str, *, now: datetime | None = None) -> None:
    """End a session; one that is unknown or has ended is none to end."""
    when, session_id = moment(now), token_hash(token)
    with store.transaction() as tx:
        found = access.find_session(tx, session_id)
        if found is not None and access.end_session(tx, session_id, when):
            name = found.member.name
            events.record(tx, "sign_out", "member", found.member.id, {}, actor=name, now=when)


def list_sessions(
    store: Store, who: str, *, token: str = "", now: datetime | None = None
) -> list[Session]:
    """Return a member's sessions, the newest first.

    Args:
        store: where.
        who: the member's name, email or id.
        token: that of the session that asks, to tell it from the others.
        now: when.

    Raises:
        UnknownName: there is no such member.
    """
    this = token_hash(token)
    with store.reading() as tx:
        found = access.list_sessions(tx, find(tx, who).id, now=moment(now))
    return [
        Session(
            row.id == this,
            row.created_at,
            max(row.created_at, row.expires_at - _IDLE),
            row.expires_at,
        )
        for row in found
    ]


def end_sessions(
    store: Store,
    who: str,
    *,
    keep: str = "",
    actor: str | None = None,
    now: datetime | None = None,
) -> int:
    """Sign a member out everywhere, and return how many sessions that ended.

    Args:
        store: where.
        who: the member's name, email or id.
        keep: token of a session that stays.
        actor: who does it.
        now: when.

    Raises:
        UnknownName: there is no such member.
    """
    stamped = stamp(actor, now)
    with store.transaction() as tx:
        member = find(tx, who)
        ended = access.end_sessions(tx, member.id, stamped.now, keep=token_hash(keep))
        if ended:
            detail = {"sessions": ended}
            events.record(tx, "end_sessions", "member", member.id, detail, **stamped._asdict())
    return ended


def set_password(
    store: Store,
    who: str,
    password: str,
    *,
    current: str | None = None,
    keep: str = "",
    address: str = "",
    actor: str | None = None,
    now: datetime | None = None,
) -> None:
    """Give a member another password and end their sessions.

    Args:
        store: where.
        who: the member's name, email or id.
        password: the new one.
        current: the one so far, which a member who changes their own has to prove; None where an
            admin does it.
        keep: token of the session that stays, which is the one it is done in.
        address: where it comes from, as for `sign_in`.
        actor: who does it.
        now: when.

    Raises:
        UnknownName: there is no such member.
        InputError: the password cannot be one.
        SignInError: `current` is wrong, or there were too many tries.
    """
    stamped = stamp(actor, now)
    with store.reading() as tx:
        member = find(tx, who)
    if current is not None:
        _prove(store, member.name, current, subjects_of(member.name, address), stamped.now)
    kept = hash_password(checked_password(password, member.name, member.email))
    with store.transaction() as tx:
        rows.set_member(tx, member.id, {"password_hash": kept})
        access.end_sessions(tx, member.id, stamped.now, keep=token_hash(keep))
        events.record(tx, "set_password", "member", member.id, {}, **stamped._asdict())


def _prove(
    store: Store, name_or_email: str, password: str, subjects: list[str], now: datetime
) -> tuple[Member, str]:
    """Return the member whose password this is, with what is kept of it, or count a failure.

    Raises:
        SignInError: it is nobody's, or there were too many tries.
    """
    with store.reading() as tx:
        refuse(tx, subjects, now)
        member = rows.find_member(tx, key_of(name_or_email))
        kept = rows.password_of(tx, member.id) if member is not None and member.active else None
    # outside a transaction, since it takes a while; where there is nobody, too
    right = verify_password(kept, password)
    if right and member is not None and kept is not None:
        return member, kept
    with store.transaction() as tx:
        refuse(tx, subjects, now)  # of many tries at the same moment, no more are told the answer
        note_failure(tx, subjects, now)
        whose = member.id if member is not None else "unknown"
        events.record(tx, "sign_in_failed", "member", whose, {}, actor="unknown", now=now)
    raise SignInError(_WRONG)


def _actor(member: Member, token: str, until: datetime) -> Actor:
    # made of the token, which the store does not have, so that it cannot give this away either
    csrf = token_hash(f"csrf {token}")
    return Actor(member, permissions_of(member), until, csrf=csrf)
