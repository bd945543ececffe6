"""Who may sign in: members and their teams.

Names are compared by their key, which the caller makes; one namespace holds the keys of names and
of emails and the ids, so that whoever asks for one of them gets one member. Secrets come here as
their hash only. `access` has how members come in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import derived_id, new_id
from trueup.store.rows import insert_new

__all__ = [
    "Member",
    "Role",
    "count_admins",
    "find_by_email",
    "find_by_subject",
    "find_member",
    "has_members",
    "joined_member",
    "list_members",
    "member_of",
    "password_of",
    "put_member",
    "set_member",
    "set_teams",
    "with_teams",
]

Role = Literal["admin", "manager", "senior", "reviewer", "viewer"]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may sign in.

    Attributes:
        name: unique but for case, and for good: annotations name it as their reviewer.
        role: what they may do; see `trueup.people.PERMISSIONS`.
        tags: their expertise, as items ask for it.
        teams: the teams they are in, by name.
        active: whether they may sign in at all.
        has_password: whether they sign in with a password.
        issuer: the OpenID provider that vouches for them, if one does.
    """

    id: str
    name: str
    email: str | None
    role: Role
    tags: tuple[str, ...]
    teams: tuple[str, ...]
    active: bool
    has_password: bool
    created_at: datetime
    issuer: str | None = None


def put_member(
    tx: Tx,
    *,
    name: str,
    name_key: str,
    email: str | None,
    email_key: str | None,
    role: str,
    tags: Sequence[str],
    password_hash: str | None,
    actor: str,
    now: datetime,
) -> str:
    """Store a new member and return the id."""
    row = {
        "id": new_id(),
        "name": name,
        "name_key": name_key,
        "email": email,
        "email_key": email_key,
        "role": role,
        "tags": list(tags),
        "password_hash": password_hash,
        "active": True,
        "actor": actor,
        "created_at": now,
    }
    tx.execute(sa.insert(schema.member), row)
    return str(row["id"])


def find_member(tx: Tx, key: str, *, project: str = "default") -> Member | None:
    """Return the member whose name's key, email's key or id this is, or None."""
    t = schema.member.c
    query = sa.select(schema.member).where(
        t.project == project, sa.or_(t.name_key == key, t.email_key == key, t.id == key)
    )
    found = _members(tx, query)
    return found[0] if found else None


def find_by_email(tx: Tx, email_key: str, *, project: str = "default") -> Member | None:
    """Return the member whose email's key this is, or None; names do not count."""
    t = schema.member.c
    query = sa.select(schema.member).where(t.project == project, t.email_key == email_key)
    found = _members(tx, query)
    return found[0] if found else None


def find_by_subject(
    tx: Tx, issuer: str, subject: str, *, project: str = "default"
) -> Member | None:
    """Return the member whom an OpenID provider knows by that subject, or None."""
    t = schema.member.c
    query = sa.select(schema.member).where(
        t.project == project, t.oidc_issuer == issuer, t.oidc_subject == subject
    )
    found = _members(tx, query)
    return found[0] if found else None


def list_members(tx: Tx, *, project: str = "default") -> list[Member]:
    """Return the members by name."""
    t = schema.member.c
    return _members(tx, sa.select(schema.member).where(t.project == project).order_by(t.name_key))


def has_members(tx: Tx, *, project: str = "default") -> bool:
    """Return whether there is any member, active or not."""
    query = sa.select(schema.member.c.id).where(schema.member.c.project == project).limit(1)
    return tx.execute(query).first() is not None


def count_admins(tx: Tx, *, project: str = "default") -> int:
    """Return how many active admins there are."""
    t = schema.member.c
    query = sa.select(sa.func.count()).where(t.project == project, t.role == "admin", t.active)
    return int(tx.execute(query).scalar_one())


def password_of(tx: Tx, member_id: str) -> str | None:
    """Return the hash of a member's password."""
    t = schema.member.c
    return tx.execute(sa.select(t.password_hash).where(t.id == member_id)).scalar()


def set_member(tx: Tx, member_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a member."""
    tx.execute(sa.update(schema.member).where(schema.member.c.id == member_id).values(**values))


def set_teams(
    tx: Tx, member_id: str, teams: Mapping[str, str], *, actor: str, now: datetime
) -> None:
    """Have a member be in these teams and no others; a team that is new is made.

    Args:
        tx: an open transaction.
        member_id: the member.
        teams: names by their keys.
        actor: who does it.
        now: when.
    """
    stamp = {"actor": actor, "created_at": now}
    ids = {key: derived_id("team", "default", key) for key in teams}
    insert_new(
        tx,
        schema.team,
        [{"id": ids[key], "name": teams[key], "name_key": key, **stamp} for key in teams],
    )
    t = schema.team_member.c
    left = sa.delete(schema.team_member).where(
        t.member_id == member_id, t.team_id.not_in(ids.values())
    )
    tx.execute(left)
    joined = [{"team_id": team, "member_id": member_id, **stamp} for team in ids.values()]
    insert_new(tx, schema.team_member, joined)


def member_of(tx: Tx, member_id: str) -> Member:
    """Return the member of an id that a row names."""
    return joined_member(tx.execute(_BY_ID, {"of_member": member_id}).all())


def with_teams(*more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return a query for members with their teams, a row a team; see `joined_member`."""
    joined = schema.team_member.c
    return (
        sa.select(schema.member, schema.team.c.name.label("team"), *more)
        .select_from(schema.member)
        .join(schema.team_member, joined.member_id == schema.member.c.id, isouter=True)
        .join(schema.team, schema.team.c.id == joined.team_id, isouter=True)
        .order_by(schema.team.c.name_key)
    )


def joined_member(rows: Sequence[sa.Row[Any]]) -> Member:
    """Return the one member that all rows of such a query are about."""
    return _member(rows[0], tuple(row.team for row in rows if row.team is not None))


_BY_ID = with_teams().where(schema.member.c.id == sa.bindparam("of_member"))


def _members(tx: Tx, query: sa.Select[Any]) -> list[Member]:
    rows = tx.execute(query).all()
    team, joined = schema.team.c, schema.team_member.c
    named = (
        sa.select(joined.member_id, team.name)
        .join_from(schema.team_member, schema.team)
        .order_by(team.name_key)
    )
    if len(rows) == 1:
        named = named.where(joined.member_id == rows[0].id)
    teams: dict[str, list[str]] = defaultdict(list)
    if rows:
        for member_id, name in tx.execute(named):
            teams[member_id].append(name)
    return [_member(row, tuple(teams[row.id])) for row in rows]


def _member(row: sa.Row[Any], teams: tuple[str, ...]) -> Member:
    return Member(
        row.id,
        row.name,
        row.email,
        row.role,
        tuple(row.tags),
        teams,
        row.active,
        row.password_hash is not None,
        row.created_at,
        row.oidc_issuer,
    )
