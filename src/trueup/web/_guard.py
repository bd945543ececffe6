"""What every request goes through: too large is refused, and browsers are told what to hold to."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trueup.web._access import from_elsewhere
from trueup.web.moving._uploads import largest

__all__ = ["Guard"]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """The application with the guard before it; what is streamed passes through as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_held(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = _refused(Request(scope))
        await (refused or self._app)(scope, receive, send_held)


def _refused(request: Request) -> JSONResponse | None:
    length = request.headers.get("content-length", "0")
    chunked = "transfer-encoding" in request.headers
    most = largest(request.url.path)
    if chunked or not length.isdecimal() or int(length) > most:
        said = f"the request is larger than {most} bytes, or does not say how large"
        return JSONResponse({"error": said}, status_code=413)
    if "\x00" in request.scope["path"]:  # PostgreSQL has no such texts, so nothing is named so
        return JSONResponse({"error": "there is no such address"}, status_code=404)
    if from_elsewhere(request):
        return JSONResponse({"error": "another site sent this: open ours"}, status_code=403)
    return None
