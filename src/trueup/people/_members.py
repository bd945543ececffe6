"""Members: adding them, and what of them may change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from trueup.errors import AccessDenied, InputError, UnknownName
from trueup.people._names import (
    check_role,
    checked_email,
    checked_name,
    checked_password,
    checked_tags,
    key_of,
)
from trueup.people._secrets import hash_password
from trueup.store import Store, Tx, access, events
from trueup.store import people as rows
from trueup.store.people import Member, Role
from trueup.store.stamp import Stamp, stamp

__all__ = ["add_member", "find", "get_member", "list_members", "put", "set_member"]


def add_member(
    store: Store,
    name: str,
    role: Role,
    *,
    password: str | None = None,
    email: str = "",
    tags: Iterable[str] = (),
    teams: Iterable[str] = (),
    actor: str | None = None,
    now: datetime | None = None,
) -> Member:
    """Add a member; see `invite` for one who takes a password themselves.

    Args:
        store: where.
        name: what labels will name as their reviewer, for good.
        role: what they may do.
        password: what they sign in with; None is somebody who does not.
        email: another name to sign in with.
        tags: their expertise.
        teams: the teams they are in; one that is new is made.
        actor: who adds them.
        now: when.

    Raises:
        InputError: something of it cannot be, or the name or email is another member's.
    """
    stamped = stamp(actor, now)
    name, mail, tags = checked_name(name), checked_email(email), checked_tags(tags)
    teams = _checked_teams(teams)
    check_role(role)
    kept = None
    if password is not None:  # it takes a while, and so is done before others have to wait
        kept = hash_password(checked_password(password, name, mail))
    with store.transaction() as tx:
        member = put(tx, name, mail, role, kept, stamped, tags=tags)
        if teams:
            rows.set_teams(tx, member.id, teams, **stamped._asdict())
        detail = {"name": name, "role": role, "tags": tags, "teams": list(teams.values())}
        events.record(tx, "add", "member", member.id, detail, **stamped._asdict())
        return find(tx, member.id)


def put(
    tx: Tx,
    name: str,
    email: str | None,
    role: Role,
    password_hash: str | None,
    stamped: Stamp,
    *,
    tags: Iterable[str] = (),
) -> Member:
    """Store a member whose parts were checked.

    Raises:
        InputError: the name or email is another member's.
    """
    _check_free(tx, "name", name)
    if email is not None:
        _check_free(tx, "email", email)
    member_id = rows.put_member(
        tx,
        name=name,
        name_key=key_of(name),
        email=email,
        email_key=None if email is None else key_of(email),
        role=role,
        tags=list(tags),
        password_hash=password_hash,
        actor=stamped.actor,
        now=stamped.now,
    )
    return find(tx, member_id)


def set_member(
    store: Store,
    who: str,
    *,
    role: Role | None = None,
    tags: Iterable[str] | None = None,
    teams: Iterable[str] | None = None,
    active: bool | None = None,
    email: str | None = None,
    unlink: bool = False,
    actor: str | None = None,
    now: datetime | None = None,
) -> Member:
    """Change what of a member may change; what is None stays.

    Whoever is made inactive is signed out everywhere, and their keys let nobody in meanwhile.

    Args:
        store: where.
        who: the member's name, email or id.
        role: what they may do.
        tags: their expertise, all of it.
        teams: the teams they are in, all of them; one that is new is made.
        active: whether they may sign in.
        email: another name to sign in with; "" takes it away.
        unlink: forget which account of an OpenID provider is theirs, and sign them out everywhere.
        actor: who changes it.
        now: when.

    Raises:
        UnknownName: there is no such member.
        InputError: something of it cannot be.
        AccessDenied: they are the last active admin and would not be any more.
    """
    stamped = stamp(actor, now)
    if role is not None:
        check_role(role)
    wanted = {
        "role": role,
        "active": active,
        "tags": None if tags is None else checked_tags(tags),
    }
    named = None if teams is None else _checked_teams(teams)
    mail = None if email is None else (checked_email(email),)
    with store.transaction() as tx:
        before = find(tx, who)
        told = _set_columns(tx, before, wanted, mail)
        if named is not None and named.keys() != {key_of(team) for team in before.teams}:
            rows.set_teams(tx, before.id, named, **stamped._asdict())
            told["teams"] = list(named.values())
        if unlink and before.issuer is not None:
            rows.set_member(tx, before.id, {"oidc_issuer": None, "oidc_subject": None})
            told["unlinked"] = before.issuer
        if told.get("active") is False or "unlinked" in told:
            access.end_sessions(tx, before.id, stamped.now)
        if told:
            events.record(tx, "set", "member", before.id, told, **stamped._asdict())
        return find(tx, before.id)


def _set_columns(
    tx: Tx, before: Member, wanted: dict[str, Any], mail: tuple[str | None] | None
) -> dict[str, Any]:
    """Set what is wanted and differs, and return what the log is to tell of it."""
    told = {k: v for k, v in wanted.items() if v is not None and v != getattr(before, k)}
    _check_admin_left(tx, before, replace(before, **told))
    values = dict(told)
    if mail is not None and mail[0] != before.email:
        [email] = mail
        if email is not None:
            _check_free(tx, "email", email, of=before)
        values |= {"email": email, "email_key": None if email is None else key_of(email)}
        told["email"] = "changed"  # the log cannot forget, so it holds no address
    if values:
        rows.set_member(tx, before.id, values)
    return told


def list_members(store: Store) -> list[Member]:
    """Return the members by name."""
    with store.reading() as tx:
        return rows.list_members(tx)


def get_member(store: Store, who: str) -> Member:
    """Return a member by name, email or id.

    Raises:
        UnknownName: there is no such member.
    """
    with store.reading() as tx:
        return find(tx, who)


def find(tx: Tx, who: str) -> Member:
    """Return a member by name, email or id; see `get_member`."""
    found = rows.find_member(tx, key_of(who))
    if found is None:
        raise UnknownName(f"no member {who!r}: `trueup member list` shows those there are")
    return found


def _checked_teams(teams: Iterable[str]) -> dict[str, str]:
    """Return the teams' names by their keys, each once."""
    names = [checked_name(team, "team") for team in teams]
    return {key_of(name): name for name in sorted(names)}


def _check_free(tx: Tx, what: str, text: str, *, of: Member | None = None) -> None:
    other = rows.find_member(tx, key_of(text))
    if other is not None and (of is None or other.id != of.id):
        raise InputError(f"{what} {text!r} is member {other.name}'s already; give another")


def _check_admin_left(tx: Tx, before: Member, after: Member) -> None:
    is_admin = after.active and after.role == "admin"
    was_admin = before.active and before.role == "admin"
    if was_admin and not is_admin and rows.count_admins(tx) == 1:
        raise AccessDenied(
            f"{before.name} is the last active admin: make another member admin before"
        )
