"""Who asks, and whether they may: a session's cookie from pages, an API key from programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Form, Path, Request
from fastapi.responses import Response

from trueup.errors import AccessDenied, SignInError
from trueup.people import (
    Actor,
    Member,
    Permission,
    get_member,
    key_owner,
    may_see,
    permissions_of,
    require,
    session_of,
)
from trueup.queues import AnnotationQueue
from trueup.store import Store

__all__ = [
    "address_of",
    "allowed",
    "anybody",
    "checked_form",
    "clear_cookie",
    "from_elsewhere",
    "over",
    "person",
    "put_cookie",
    "served",
    "signed_in",
    "store_of",
    "token_of",
    "visible",
]

# a browser takes the first name over HTTPS alone, and from this very host
_COOKIES = {"https": "__Host-trueup", "http": "trueup"}
_SAFE = ("GET", "HEAD", "OPTIONS")


def served(request: Request) -> Store:
    """Return the store that is served."""
    store: Store = request.app.state.store
    return store


async def store_of(request: Request) -> Store:
    """Return the store that is served, to a handler; a plain function would take a thread."""
    return served(request)


def token_of(request: Request, kind: str = "") -> str | None:
    """Return the session's token, or another kind's, if a cookie brings one."""
    return request.cookies.get(_COOKIES[request.url.scheme] + kind)


def address_of(request: Request) -> str:
    """Return where a request comes from, by which tries to sign in are counted."""
    return request.client.host if request.client else ""


def signed_in(request: Request) -> Actor | None:
    """Return who asks, looked up once a request, or None."""
    if not hasattr(request.state, "actor"):
        request.state.actor = _actor(request)
    found: Actor | None = request.state.actor
    return found


def _actor(request: Request) -> Actor | None:
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return key_owner(served(request), key.strip())
    token = token_of(request)
    return None if token is None else session_of(served(request), token)


def allowed(permission: Permission) -> Callable[[Request], Actor]:
    """Return a dependency that gives who asks, if they may do this.

    Raises:
        SignInError: nobody is signed in.
        AccessDenied: they may not, or a change of the API came without its session's token.
    """

    def check(request: Request) -> Actor:
        actor = anybody(request)
        require(actor, permission)
        return actor

    return check


def anybody(request: Request) -> Actor:
    """Return who asks, whatever they may do.

    Raises:
        SignInError: nobody is signed in.
        AccessDenied: a change of the API came without its session's token.
    """
    actor = signed_in(request)
    if actor is None:
        raise SignInError("nobody is signed in: sign in, or send an API key as a bearer token")
    if request.url.path.startswith("/api/") and request.method not in _SAFE:
        _check_token(actor, request.headers.get("x-csrf-token", ""))
    return actor


def person(request: Request) -> Actor:
    """Return who asks, if it is a member who has signed in, and no program with their key.

    Raises:
        SignInError: nobody is signed in.
        AccessDenied: it is a program.
    """
    actor = anybody(request)
    if actor.key_id is not None:
        raise AccessDenied(f"this is for {actor.name} in person: sign in")
    return actor


def over(request: Request, who: Annotated[str, Path(max_length=254)]) -> Member:
    """Return the member whose keys, sessions or password somebody asks for.

    One's own are for oneself, once one has signed in: a key that could make another key would
    outlive its own revocation. Everybody's are for those who manage members.

    Args:
        request: who asks.
        who: the member's name or id; where they manage members, the email too.

    Raises:
        SignInError: nobody is signed in.
        AccessDenied: they may not, or a change of the API came without its session's token.
        UnknownName: there is no such member.
    """
    actor = anybody(request)
    own = who in (actor.name, actor.member.id)
    if own and actor.key_id is None:
        return actor.member
    if own and "manage_members" not in permissions_of(actor):
        raise AccessDenied(
            f"the API key may not see to {actor.name}'s keys and sessions: sign in for that, "
            "or make an admin's key with manage_members among its scopes"
        )
    require(actor, "manage_members")
    return get_member(served(request), who)


def checked_form(request: Request, csrf: Annotated[str, Form(max_length=200)] = "") -> None:
    """Check that a form was sent from one of our own pages.

    Raises:
        AccessDenied: it was not.
    """
    actor = signed_in(request)
    if actor is None:
        raise SignInError("nobody is signed in: sign in first")
    _check_token(actor, csrf)


def _check_token(actor: Actor, csrf: str) -> None:
    if not actor.accepts(csrf):
        raise AccessDenied("the request does not carry its session's token: load the page again")


def from_elsewhere(request: Request) -> bool:
    """Return whether a browser says that another site sent a change, signing in included."""
    return request.method not in _SAFE and request.headers.get("sec-fetch-site") == "cross-site"


def visible(actor: Actor, queue: AnnotationQueue, *, needed: bool = False) -> bool:
    """Return whether somebody may see a queue.

    Raises:
        AccessDenied: they may not, and it is needed.
    """
    seen = may_see(actor, queue.settings.reviewers, queue.settings.teams)
    if needed and not seen:
        raise AccessDenied(
            f"{actor.name} is no reviewer of queue {queue.name}; a manager can add them"
        )
    return seen


def put_cookie(
    request: Request, response: Response, token: str, kind: str = "", seconds: int | None = None
) -> Response:
    """Have the browser keep the session's token, or another kind's, where no script can read it.

    Args:
        request: what is answered.
        response: the answer.
        token: what is kept.
        kind: what of; "" is the session.
        seconds: for how long; None is while the browser runs.
    """
    response.set_cookie(
        _COOKIES[request.url.scheme] + kind,
        token,
        max_age=seconds,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
        path="/",
    )
    return response


def clear_cookie(request: Request, response: Response, kind: str = "") -> Response:
    """Have the browser forget the session, or what another kind of cookie keeps."""
    scheme = request.url.scheme
    name = _COOKIES[scheme] + kind
    response.delete_cookie(name, secure=scheme == "https", httponly=True, path="/")
    return response
