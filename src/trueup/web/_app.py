"""The application: who may come in, what goes out with every answer, and errors in one line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from trueup import errors
from trueup.store import Store
from trueup.store.events import seal_events
from trueup.web import _api, _pages, _senior_api, _senior_pages
from trueup.web._guard import Guard
from trueup.web._render import error_page, status_of
from trueup.web._upkeep import see_to_hourly
from trueup.web.events import _audit_api, _audit_pages, _changes_api, _webhook_api, _webhook_pages
from trueup.web.events._changes import Broadcast
from trueup.web.events._log import BIT_BY_BIT, Watch
from trueup.web.moving import _moving_api, _moving_pages, _setup_pages
from trueup.web.people import _account_pages, _member_pages, _people_api, _signin_pages
from trueup.web.people._oidc import Oidc, Provider
from trueup.web.quality import _quality_api, _quality_pages
from trueup.web.quality._figures import Figures
from trueup.webhooks import Sending, deliver

__all__ = ["create_app"]

_APIS = (
    _changes_api,
    _api,
    _moving_api,
    _quality_api,
    _senior_api,
    _people_api,
    _audit_api,
    _webhook_api,
)
_PAGES = (
    _pages,
    _moving_pages,
    _quality_pages,
    _setup_pages,
    _senior_pages,
    _signin_pages,
    _member_pages,
    _account_pages,
    _audit_pages,
    _webhook_pages,
)
_SEAL_SECONDS = 1.0
_THREADS = 16  # for handlers but those at the desk; each may hold a connection to PostgreSQL


class Problem(BaseModel):
    """Why a request was not done."""

    error: str
    kind: str = ""


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": said}
    for status, said in {
        400: "The request is no HTTP that can be read.",
        401: "Nobody is signed in.",
        403: "The one who asks may not.",
        404: "There is no such thing.",
        409: "The request is fine, and the queue is in no state for it.",
        413: "The request is too large.",
        422: "Something that was given makes no sense.",
        429: "Too much at once; try again later.",
        503: "The store is away.",
    }.items()
}


def create_app(
    store: Store,
    *,
    oidc: Oidc | None = None,
    url: str = "",
    sending: Sending = Sending(),  # noqa: B008, it is frozen
) -> FastAPI:
    """Return the application on a store, as an ASGI application.

    While it runs, it seals the audit log every second, sends webhooks what they wait for, tells
    those who listen what changes, and every hour sees to what has ended and what is due.

    Args:
        store: what is served.
        oidc: the OpenID provider by which members sign in, beside passwords; None is passwords
            alone.
        url: the address that browsers use; "" is the one that they ask.
        sending: how webhooks are sent to.

    Raises:
        MissingExtra: there is a provider, and Authlib is not installed.
    """
    app = FastAPI(title="trueup", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.store = store
    app.state.provider = None if oidc is None else Provider(oidc)
    app.state.url = url
    app.state.sending = sending
    app.state.changes = Broadcast(store)
    app.state.watch = Watch()
    app.state.figures = Figures(store)
    app.add_middleware(Guard)
    app.add_exception_handler(errors.TrueupError, _on_error)
    app.add_exception_handler(HTTPException, _on_nothing)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for room in _APIS:
        app.include_router(room.router, responses=_PROBLEMS)
    for room in _PAGES:
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = _THREADS
    stop = asyncio.Event()
    store = app.state.store
    work = (
        _seal(store, app.state.watch, stop),
        see_to_hourly(store, stop),
        deliver(store, app.state.sending, stop),
        app.state.changes.run(stop),
    )
    running = asyncio.gather(*work)
    yield
    stop.set()
    await running
    await run_in_threadpool(app.state.figures.close)


async def _seal(store: Store, watch: Watch, stop: asyncio.Event) -> None:
    """Chain what the audit log has gained, every second, and once more at the end."""

    def once() -> None:
        with store.transaction() as tx:
            seal_events(tx)
        watch.look(store, BIT_BY_BIT)

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


def _on_invalid(request: Request, error: Exception) -> Response:
    """Answer where something that was sent cannot be: which, and what is wrong with it."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    said = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": said, "kind": "InputError"}, status_code=422)
    return error_page(request, said, 422)
