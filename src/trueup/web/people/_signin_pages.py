"""The pages by which people come in and go: by a password, an invitation, an OpenID provider."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from trueup.errors import SignInError, TrueupError, UnknownName
from trueup.people import (
    accept,
    begin_sign_in,
    note_failed_sign_in,
    sign_in,
    sign_in_with,
    sign_out,
    take_sign_in,
)
from trueup.web._access import (
    address_of,
    checked_form,
    clear_cookie,
    put_cookie,
    token_of,
)
from trueup.web._params import Opened
from trueup.web._render import page, status_of
from trueup.web.people._oidc import Provider

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Field = Annotated[str, Form(max_length=1000)]
Given = Annotated[str, Query(max_length=4000)]

_BACK = "/signin/oidc/callback"
_WAIT = 600  # seconds for which the browser keeps a sign-in under way


@router.get("/signin")
def signin_page(request: Request) -> Response:
    """Ask who is there."""
    return _ask(request)


@router.post("/signin")
def signin(request: Request, store: Opened, name: Field, password: Field) -> Response:
    """Start a session."""
    try:
        token, _ = sign_in(store, name, password, address=address_of(request))
    except SignInError as error:
        return _ask(request, error, name=name)
    return _in(request, token)


@router.get("/join/{token}")
def join_page(request: Request, token: str) -> Response:
    """Ask an invited person for a name and a password."""
    return _ask(request, joining=token)


@router.post("/join/{token}")
def join(request: Request, store: Opened, token: str, name: Field, password: Field) -> Response:
    """Make the invited person a member, and sign them in."""
    try:
        accept(store, token, name, password)
        session, _ = sign_in(store, name, password, address=address_of(request))
    except TrueupError as error:
        return _ask(request, error, joining=token, name=name)
    return _in(request, session)


@router.get("/signin/oidc")
def oidc(request: Request, store: Opened, join: Given = "") -> Response:
    """Send somebody to the provider; `join` is the token of an invitation that they follow."""
    provider = _provider(request)
    try:
        pending = begin_sign_in(store, address=address_of(request))
        asked = provider.question(pending, _back(request))
    except SignInError as error:
        return _ask(request, error, joining=join)
    kept = f"{pending.secret}.{join}" if join else pending.secret
    return put_cookie(request, RedirectResponse(asked, status_code=303), kept, "-oidc", _WAIT)


@router.get(_BACK)
def oidc_callback(
    request: Request,
    store: Opened,
    state: Given = "",
    code: Given = "",
    iss: Given = "",
    error: Given = "",
) -> Response:
    """Take the provider's answer, and start a session for whom it vouches for."""
    provider = _provider(request)
    secret, _, invitation = (token_of(request, "-oidc") or "").partition(".")
    try:
        pending = take_sign_in(store, secret, state)
        if error or not code:
            raise SignInError(f"{provider.settings.shown} says: {error[:100] or 'nothing'}")
        address = address_of(request)
        try:
            identity = provider.answer(pending, code, _back(request), iss=iss)
        except SignInError:
            note_failed_sign_in(store, provider.settings.issuer, address=address)
            raise
        token, _ = sign_in_with(
            store, identity, invitation=invitation, newcomers=provider.settings.newcomers
        )
    except TrueupError as refused:
        return clear_cookie(request, _ask(request, refused, joining=invitation), "-oidc")
    return clear_cookie(request, _in(request, token), "-oidc")


@router.post("/signout", dependencies=[Depends(checked_form)])
def signout(request: Request, store: Opened) -> Response:
    """End the session."""
    sign_out(store, token_of(request) or "")
    return clear_cookie(request, RedirectResponse("/signin", status_code=303))


def _in(request: Request, token: str) -> Response:
    return put_cookie(request, RedirectResponse("/", status_code=303), token)


def _ask(
    request: Request, error: TrueupError | None = None, *, joining: str = "", name: str = ""
) -> Response:
    """Return the page that asks who is there, or an invited person for a name and a password."""
    status = 200 if error is None else status_of(error)
    values: dict[str, Any] = {"joining": joining, "name": name, "provider": ""}
    if request.app.state.provider is not None:
        values["provider"] = request.app.state.provider.settings.shown
    said = "" if error is None else str(error)
    heading = "Join trueup" if joining else "Sign in"
    return page(request, "signin.html", status=status, heading=heading, error=said, **values)


def _provider(request: Request) -> Provider:
    found: Provider | None = request.app.state.provider
    if found is None:
        raise UnknownName("no OpenID provider is set up: sign in with a password")
    return found


def _back(request: Request) -> str:
    """Return where the provider sends people back to, which has to be what it was told before."""
    home = request.app.state.url or str(request.base_url)
    return home.rstrip("/") + _BACK
