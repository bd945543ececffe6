"""The application: who may come in, what goes out with every answer, and errors in one line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from trueup import errors
from trueup.store import Store
from trueup.store.events import seal_events
from trueup.web import _api, _pages, _quality_api, _quality_pages
from trueup.web._access import from_elsewhere
from trueup.web._figures import Figures

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
_STATUS: tuple[tuple[type[errors.TrueupError], int], ...] = (
    (errors.SignInError, 401),
    (errors.AccessDenied, 403),
    (errors.UnknownName, 404),
    (errors.InputError, 422),
    (errors.StoreError, 503),
)
_CONFLICT = 409  # the request is fine, the queue is in no state for it


def create_app(store: Store) -> FastAPI:
    """Return the application on a store, as an ASGI application.

    While it runs, it seals the audit log every second.
    """
    app = FastAPI(title="trueup", lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.store = store
    app.state.figures = Figures(store)
    app.middleware("http")(_guard)
    app.add_exception_handler(errors.TrueupError, _on_error)
    app.add_exception_handler(HTTPException, _on_nothing)
    for part in (_api, _quality_api, _pages, _quality_pages):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(_seal(app.state.store, stop))
    yield
    stop.set()
    await task
    await run_in_threadpool(app.state.figures.close)


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
    elif from_elsewhere(request):
        response = JSONResponse({"error": "another site sent this: open ours"}, status_code=403)
    else:
        response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _on_error(request: Request, error: Exception) -> Response:
    """Answer with the error's one line: as JSON to programs, as a page to people."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), _CONFLICT)
    if request.url.path.startswith("/api/"):
        kind = type(error).__name__
        return JSONResponse({"error": str(error), "kind": kind}, status_code=status)
    if status == 401 and request.url.path != "/signin":
        return RedirectResponse("/signin", status_code=303)
    return _pages.error_page(request, str(error), status)


def _on_nothing(request: Request, error: Exception) -> Response:
    """Answer where there is no such page, or it takes no such request."""
    assert isinstance(error, HTTPException)
    said = f"{request.method} {request.url.path}: {error.detail}"
    if request.url.path.startswith(("/api/", "/static/")):
        return JSONResponse({"error": said}, status_code=error.status_code, headers=error.headers)
    return _pages.error_page(request, said, error.status_code)
