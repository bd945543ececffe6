"""The pages on members and invitations, for those who see to them."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from trueup.errors import TrueupError
from trueup.people import (
    Actor,
    Invitation,
    Role,
    add_member,
    cancel_invitation,
    get_member,
    invite,
    list_invitations,
    list_members,
    permissions_of,
    require,
    set_member,
)
from trueup.store import Store
from trueup.web._access import allowed, checked_form
from trueup.web._params import Anybody, Manager, Opened
from trueup.web._render import page, status_of
from trueup.web.people._people import lines_of, member_page, path_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Admin = Annotated[Actor, Depends(allowed("manage_members"))]
Field = Annotated[str, Form(max_length=1000)]
Many = Annotated[str, Form(max_length=20_000)]
Checked = Depends(checked_form)


@router.get("/members")
def members(request: Request, store: Opened, actor: Manager) -> Response:
    """List the members."""
    return _members(request, store, actor)


@router.post("/members", dependencies=[Checked])
def add(
    request: Request,
    store: Opened,
    actor: Admin,
    name: Field,
    role: Field,
    email: Field = "",
    password: Field = "",
    tags: Many = "",
    teams: Many = "",
) -> Response:
    """Add a member; without a password they sign in by an OpenID provider, or not at all."""
    try:
        made = add_member(
            store,
            name,
            role,  # type: ignore[arg-type]  # it is checked there
            password=password or None,
            email=email,
            tags=lines_of(tags),
            teams=lines_of(teams),
            actor=actor.name,
        )
    except TrueupError as error:
        return _members(request, store, actor, error)
    return RedirectResponse(path_of(made), status_code=303)


@router.get("/member/{who}")
def member(request: Request, store: Opened, actor: Anybody, who: str) -> Response:
    """Show a member: to themselves, to managers, and to admins with what they may change."""
    if who not in (actor.name, actor.member.id):
        require(actor, "manage_queue")
    return member_page(request, store, actor, get_member(store, who))


@router.post("/member/{who}", dependencies=[Checked])
def change(
    request: Request,
    store: Opened,
    actor: Admin,
    who: str,
    role: Field,
    email: Field = "",
    tags: Many = "",
    teams: Many = "",
    active: Field = "",
    unlink: Field = "",
) -> Response:
    """Change what of a member may change: all that the form has."""
    whose = get_member(store, who)
    try:
        set_member(
            store,
            whose.id,
            role=role,  # type: ignore[arg-type]  # it is checked there
            email=email,
            tags=lines_of(tags),
            teams=lines_of(teams),
            active=bool(active),
            unlink=bool(unlink),
            actor=actor.name,
        )
    except TrueupError as error:
        return member_page(request, store, actor, whose, error=error)
    return RedirectResponse(path_of(whose), status_code=303)


@router.get("/invitations", dependencies=[Depends(allowed("manage_members"))])
def invitations(request: Request, store: Opened) -> Response:
    """List the invitations."""
    return _invitations(request, store)


@router.post("/invitations", dependencies=[Checked])
def make_invitation(
    request: Request, store: Opened, actor: Admin, role: Field, email: Field = ""
) -> Response:
    """Invite somebody, and show the link, which is not shown again."""
    try:
        made = invite(store, role, email=email, actor=actor.name)  # type: ignore[arg-type]
    except TrueupError as error:
        return _invitations(request, store, error=error)
    return _invitations(request, store, made=made)


@router.post("/invitations/{key}/cancel", dependencies=[Checked])
def cancel(store: Opened, actor: Admin, key: str) -> Response:
    """Take an invitation back."""
    cancel_invitation(store, key, actor=actor.name)
    return RedirectResponse("/invitations", status_code=303)


def _members(
    request: Request, store: Store, actor: Actor, error: TrueupError | None = None
) -> Response:
    found = list_members(store)
    return page(
        request,
        "members.html",
        status=200 if error is None else status_of(error),
        error="" if error is None else str(error),
        members=[(one, path_of(one)) for one in found],
        roles=get_args(Role),
        admin="manage_members" in permissions_of(actor),
    )


def _invitations(
    request: Request,
    store: Store,
    *,
    made: Invitation | None = None,
    error: TrueupError | None = None,
) -> Response:
    home = request.app.state.url or str(request.base_url)
    return page(
        request,
        "invitations.html",
        status=200 if error is None else status_of(error),
        error="" if error is None else str(error),
        invitations=list_invitations(store),
        roles=get_args(Role),
        made=made,
        link="" if made is None else f"{home.rstrip('/')}/join/{made.token}",
    )
