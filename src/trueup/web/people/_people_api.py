"""The API on members, their keys and sessions, and invitations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from trueup.people import (
    Actor,
    Member,
    add_member,
    cancel_invitation,
    end_sessions,
    get_member,
    invite,
    list_invitations,
    list_keys,
    list_members,
    list_sessions,
    revoke_key,
    set_member,
)
from trueup.web._access import allowed, over, token_of
from trueup.web._params import Anybody, Opened
from trueup.web.people._people import new_key, new_password
from trueup.web.people._people_shapes import (
    InvitationIn,
    KeyIn,
    MemberIn,
    MemberSet,
    PasswordIn,
    invitation_out,
    key_out,
    made_out,
    member_out,
    session_out,
)

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["people"])

Who = Annotated[str, Path(min_length=1, max_length=254)]
Id = Annotated[str, Path(min_length=1, max_length=64)]
Admin = Annotated[Actor, Depends(allowed("manage_members"))]
Theirs = Annotated[Member, Depends(over)]


@router.get("/members", dependencies=[Depends(allowed("manage_queue"))])
def members(store: Opened) -> list[dict[str, Any]]:
    """Return the members by name."""
    return [member_out(member) for member in list_members(store)]


@router.post("/members", status_code=201)
def add(store: Opened, actor: Admin, given: MemberIn) -> dict[str, Any]:
    """Add a member."""
    password = None if given.password is None else given.password.get_secret_value()
    made = add_member(
        store,
        given.name,
        given.role,
        password=password,
        email=given.email,
        tags=given.tags,
        teams=given.teams,
        actor=actor.name,
    )
    return member_out(made)


@router.get("/members/{who}", dependencies=[Depends(allowed("manage_queue"))])
def show(store: Opened, who: Who) -> dict[str, Any]:
    """Return a member by name, email or id."""
    return member_out(get_member(store, who))


@router.patch("/members/{who}")
def change(store: Opened, actor: Admin, who: Who, given: MemberSet) -> dict[str, Any]:
    """Change what of a member may change."""
    return member_out(set_member(store, who, **given.model_dump(), actor=actor.name))


@router.post("/members/{who}/password", status_code=204)
def password(
    request: Request, store: Opened, actor: Anybody, whose: Theirs, given: PasswordIn
) -> None:
    """Give a member another password, and end their other sessions."""
    new, current = given.password.get_secret_value(), given.current.get_secret_value()
    new_password(store, request, actor, whose, new, current)


@router.get("/members/{who}/sessions")
def sessions(request: Request, store: Opened, whose: Theirs) -> list[dict[str, Any]]:
    """Return where a member is signed in."""
    found = list_sessions(store, whose.id, token=token_of(request) or "")
    return [session_out(session) for session in found]


@router.delete("/members/{who}/sessions")
def sign_out_everywhere(store: Opened, actor: Anybody, whose: Theirs) -> dict[str, int]:
    """Sign a member out everywhere."""
    return {"ended": end_sessions(store, whose.id, actor=actor.name)}


@router.get("/members/{who}/keys")
def keys(store: Opened, whose: Theirs) -> list[dict[str, Any]]:
    """Return a member's API keys, the newest first."""
    return [key_out(key) for key in list_keys(store, whose.id)]


@router.post("/members/{who}/keys", status_code=201)
def make_key(store: Opened, actor: Anybody, whose: Theirs, given: KeyIn) -> dict[str, Any]:
    """Make an API key for a member; it is not shown again."""
    return made_out(new_key(store, actor, whose, given.name, given.scopes, given.expires_at))


@router.delete("/members/{who}/keys/{key}", status_code=204)
def end_key(store: Opened, actor: Anybody, whose: Theirs, key: Id) -> None:
    """Revoke an API key of a member."""
    revoke_key(store, key, who=whose.id, actor=actor.name)


@router.get("/invitations", dependencies=[Depends(allowed("manage_members"))])
def invitations(store: Opened) -> list[dict[str, Any]]:
    """Return the invitations, the newest first."""
    return [invitation_out(sent) for sent in list_invitations(store)]


@router.post("/invitations", status_code=201)
def make_invitation(store: Opened, actor: Admin, given: InvitationIn) -> dict[str, Any]:
    """Invite somebody; the token is not shown again."""
    return made_out(invite(store, given.role, email=given.email, actor=actor.name))


@router.delete("/invitations/{invitation}", status_code=204)
def cancel(store: Opened, actor: Admin, invitation: Id) -> None:
    """Take an invitation back."""
    cancel_invitation(store, invitation, actor=actor.name)
