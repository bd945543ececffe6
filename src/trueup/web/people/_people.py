"""What the API and the pages share on members: keys and passwords, and whose they may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast, get_args
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response

from trueup.errors import TrueupError
from trueup.people import (
    Actor,
    Member,
    NewKey,
    Permission,
    Role,
    get_member,
    list_keys,
    list_sessions,
    make_key,
    permissions_of,
    require,
    set_password,
)
from trueup.store import Store
from trueup.web._access import address_of, token_of
from trueup.web._render import page, status_of

__all__ = [
    "MEANINGS",
    "account_page",
    "lines_of",
    "member_page",
    "new_key",
    "new_password",
    "path_of",
]

MEANINGS: Mapping[Permission, str] = MappingProxyType(
    {
        "read_queue": "see queues and their items",
        "read_every_queue": "see queues that one does not label in",
        "label": "claim, label, skip",
        "adjudicate": "settle disagreements",
        "read_quality": "see agreement and reviewers' measures",
        "read_lineage": "see traces, datasets, runs and verdicts",
        "manage_queue": "make queues, set them, assign items",
        "ingest": "bring traces and labels in",
        "export": "take labels and datasets out",
        "release": "decide on releases",
        "read_audit": "read the audit log",
        "manage_members": "invite people, set what they may do",
    }
)
"""What each permission is, to those who choose a key's scopes."""


def new_key(
    store: Store,
    actor: Actor,
    owner: Member,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> NewKey:
    """Make an API key for a member, for no more than who asks may do.

    Raises:
        AccessDenied: it would be for more.
        InputError: it would be for more than its owner may do, or for nothing, or be over.
    """
    # who may not do a thing gets no key for it by way of a member who may
    for scope in (set(scopes) & permissions_of(owner)) - permissions_of(actor):
        require(actor, cast(Permission, scope))
    wanted = [cast(Permission, scope) for scope in scopes]  # one that is none is told there
    return make_key(store, owner.id, name, wanted, expires_at=expires_at, actor=actor.name)


def new_password(
    store: Store, request: Request, actor: Actor, whose: Member, password: str, current: str
) -> None:
    """Give a member another password; who changes their own proves the one so far.

    Raises:
        InputError: the password cannot be one.
        SignInError: the one so far is wrong, or there were too many tries.
    """
    own = whose.id == actor.member.id and actor.key_id is None
    set_password(
        store,
        whose.id,
        password,
        current=current if own else None,
        keep=(token_of(request) or "") if own else "",
        address=address_of(request),
        actor=actor.name,
    )


def lines_of(text: str) -> list[str]:
    """Return a form's names, one a line; a name may have a comma in it, and no line's end."""
    return [line for line in text.splitlines() if line.strip()]


def path_of(member: Member) -> str:
    """Return the address of a member's page: by name, or by id where a path cannot hold it."""
    name = member.name
    return f"/member/{member.id if '/' in name or name in ('.', '..') else quote(name, safe='')}"


def account_page(
    request: Request,
    store: Store,
    actor: Actor,
    *,
    error: TrueupError | None = None,
    key: str = "",
    said: str = "",
) -> Response:
    """Return a member's own page, with what came of what they did there."""
    values = _values(request, store, actor, actor.member, error, key, said)
    return page(request, "account.html", **values)


def member_page(
    request: Request,
    store: Store,
    actor: Actor,
    whose: Member,
    *,
    error: TrueupError | None = None,
    key: str = "",
    said: str = "",
) -> Response:
    """Return the page on a member, with what came of what an admin did there.

    What only admins see to is read for them alone.
    """
    whose = get_member(store, whose.id)
    admin = "manage_members" in permissions_of(actor)
    values = _values(request, store, actor, whose, error, key, said, private=admin)
    return page(request, "member.html", **values, admin=admin, roles=get_args(Role))


def _values(
    request: Request,
    store: Store,
    actor: Actor,
    whose: Member,
    error: TrueupError | None,
    key: str,
    said: str,
    *,
    private: bool = True,
) -> dict[str, Any]:
    token = token_of(request) or ""
    scopes = [s for s in MEANINGS if s in permissions_of(whose) & permissions_of(actor)]
    return {
        "whose": whose,
        "keys": list_keys(store, whose.id) if private else [],
        "sessions": list_sessions(store, whose.id, token=token) if private else [],
        "scopes": [(scope, MEANINGS[scope]) for scope in scopes],
        "key": key,
        "said": said,
        "error": "" if error is None else str(error),
        "status": 200 if error is None else status_of(error),
    }
