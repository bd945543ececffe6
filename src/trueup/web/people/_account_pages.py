"""The account page, and what is done there: passwords, API keys and sessions.

Members do it for themselves, admins for anybody, in one and the same place.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from trueup.errors import TrueupError
from trueup.people import Actor, Member, end_sessions, revoke_key
from trueup.store import Store
from trueup.web._access import (
    checked_form,
    clear_cookie,
    over,
    token_of,
)
from trueup.web._params import Anybody, Opened, Person
from trueup.web.people._people import account_page, member_page, new_key, new_password, path_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Theirs = Annotated[Member, Depends(over)]
Field = Annotated[str, Form(max_length=1000)]
Checked = Depends(checked_form)


@router.get("/account")
def account(request: Request, store: Opened, actor: Person) -> Response:
    """Show a member their own password, API keys and sessions."""
    return account_page(request, store, actor)


@router.post("/member/{who}/password", dependencies=[Checked])
def password(
    request: Request,
    store: Opened,
    actor: Anybody,
    whose: Theirs,
    password: Field,
    current: Field = "",
) -> Response:
    """Give a member another password, and end their other sessions."""
    try:
        new_password(store, request, actor, whose, password, current)
    except TrueupError as error:
        return _shown(request, store, actor, whose, error=error)
    return _shown(request, store, actor, whose, said="The password is set.")


@router.post("/member/{who}/signout", dependencies=[Checked])
def signout(
    request: Request, store: Opened, actor: Anybody, whose: Theirs, keep: Field = ""
) -> Response:
    """Sign a member out everywhere, or everywhere but here."""
    token = token_of(request) or ""
    end_sessions(store, whose.id, keep=token if keep else "", actor=actor.name)
    if _own(actor, whose) and not keep:
        return clear_cookie(request, RedirectResponse("/signin", status_code=303))
    return RedirectResponse(_home(actor, whose), status_code=303)


@router.post("/member/{who}/keys", dependencies=[Checked])
def make_key(
    request: Request,
    store: Opened,
    actor: Anybody,
    whose: Theirs,
    name: Field = "",
    scopes: Annotated[list[str] | None, Form(max_length=50)] = None,
    days: Annotated[int, Form(ge=0, le=3650)] = 0,
) -> Response:
    """Make an API key, and show it, which is not done again; 0 days are until it is revoked."""
    until = datetime.now(UTC) + timedelta(days=days) if days else None
    try:
        made = new_key(store, actor, whose, name, scopes or [], until)
    except TrueupError as error:
        return _shown(request, store, actor, whose, error=error)
    return _shown(request, store, actor, whose, key=made.key)


@router.post("/member/{who}/keys/{key}/revoke", dependencies=[Checked])
def end_key(store: Opened, actor: Anybody, whose: Theirs, key: str) -> Response:
    """Revoke an API key."""
    revoke_key(store, key, who=whose.id, actor=actor.name)
    return RedirectResponse(_home(actor, whose), status_code=303)


def _own(actor: Actor, whose: Member) -> bool:
    return actor.key_id is None and actor.member.id == whose.id


def _home(actor: Actor, whose: Member) -> str:
    return "/account" if _own(actor, whose) else path_of(whose)


def _shown(
    request: Request,
    store: Store,
    actor: Actor,
    whose: Member,
    *,
    error: TrueupError | None = None,
    key: str = "",
    said: str = "",
) -> Response:
    """Return the page that something was done on, with what came of it."""
    if _own(actor, whose):
        return account_page(request, store, actor, error=error, key=key, said=said)
    return member_page(request, store, actor, whose, error=error, key=key, said=said)
