"""The application: who may come in, what goes out with every answer, and errors in one line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from trueup import errors
from trueup.store import Store
from trueup.store.events import seal_events
from trueup.web import (
    _account_pages,
    _api,
    _member_pages,
    _pages,
    _people_api,
    _signin_pages,
)
from trueup.web._access import from_elsewhere
from trueup.web._oidc import Oidc, Provider
from trueup.web._render import error_page, status_of
from trueup.web._upkeep import purge_hourly

__all__ = ["create_app"]

_LARGEST = 2_000_000  # bytes of a request
_SEAL_SECONDS = 1.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(store: Store, *, oidc: Oidc | None = None, url: str = "") -> FastAPI:
    """Return the application on a store, as an ASGI application.

    While it runs, it seals the audit log every second, and every hour forgets what has ended.

    Args:
        store: what is served.
        oidc: the OpenID provider by which members sign in, beside passwords; None is passwords
            alone.
        url: the address that browsers use; "" is the one that they ask.

    Raises:
        MissingExtra: there is a provider, and Authlib is not installed.
    """
    app = FastAPI(title="trueup", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.store = store
    app.state.provider = None if oidc is None else Provider(oidc)
    app.state.url = url
    app.middleware("http")(_guard)
    app.add_exception_handler(errors.TrueupError, _on_error)
    app.add_exception_handler(HTTPException, _on_nothing)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for room in (_api, _pages, _signin_pages, _people_api, _member_pages, _account_pages):
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [work(app.state.store, stop) for work in (_seal, purge_hourly)]
    running = asyncio.gather(*tasks)
    yield
    stop.set()
    await running


async def _seal(store: Store, stop: asyncio.Event) -> None:
    """Chain what the audit log has gained, every second, and once more at the end."""

    def once() -> None:
        with store.transaction() as tx:
            seal_events(tx)

    while True:
        last = stop.is_set()
        try:
            await run_in_threadpool(once)
        except errors.StoreError as error:  # the next second tries again
            logging.getLogger(__name__).warning("%s", error)
        if last:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _SEAL_SECONDS)


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse what is too large, and send what browsers are to hold to with every answer."""
    length = request.headers.get("content-length", "0")
    chunked = "transfer-encoding" in request.headers
    if chunked or not length.isdecimal() or int(length) > _LARGEST:
        response: Response = JSONResponse(
            {"error": f"the request is larger than {_LARGEST} bytes, or does not say how large"},
            status_code=413,
        )
    elif "\x00" in request.scope["path"]:  # PostgreSQL has no such texts, so nothing is named so
        response = JSONResponse({"error": "there is no such address"}, status_code=404)
    elif from_elsewhere(request):
        response = JSONResponse({"error": "another site sent this: open ours"}, status_code=403)
    else:
        response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _on_error(request: Request, error: Exception) -> Response:
    """Answer with the error's one line: as JSON to programs, as a page to people."""
    status = status_of(error)
    if request.url.path.startswith("/api/"):
        kind = type(error).__name__
        return JSONResponse({"error": str(error), "kind": kind}, status_code=status)
    if status == 401 and request.url.path != "/signin":
        return RedirectResponse("/signin", status_code=303)
    return error_page(request, str(error), status)


def _on_nothing(request: Request, error: Exception) -> Response:
    """Answer where there is no such page, or it takes no such request."""
    assert isinstance(error, HTTPException)
    said = f"{request.method} {request.url.path}: {error.detail}"
    if request.url.path.startswith(("/api/", "/static/")):
        return JSONResponse({"error": said}, status_code=error.status_code, headers=error.headers)
    return error_page(request, said, error.status_code)


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Answer where a form, or what a program sent, has a field that cannot be."""
    assert isinstance(error, RequestValidationError)
    if request.url.path.startswith("/api/"):
        return await request_validation_exception_handler(request, error)
    first = error.errors()[0]
    return error_page(request, f"{first['loc'][-1]}: {first['msg']}", 422)
