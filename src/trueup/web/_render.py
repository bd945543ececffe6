"""Templates made into pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trueup import errors
from trueup.web._access import signed_in

__all__ = ["error_page", "page", "status_of"]

_STATUS: tuple[tuple[type[errors.TrueupError], int], ...] = (
    (errors.SignInError, 401),
    (errors.AccessDenied, 403),
    (errors.UnknownName, 404),
    (errors.InputError, 422),
    (errors.StoreError, 503),
)
_CONFLICT = 409  # the request is fine, the queue is in no state for it
_TOO_MANY = 429


def status_of(error: Exception) -> int:
    """Return the status of an answer that tells of an error."""
    if isinstance(error, errors.SignInError) and error.retry_at is not None:
        return _TOO_MANY
    return next((code for kind, code in _STATUS if isinstance(error, kind)), _CONFLICT)


@cache
def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a template as a page, with who is signed in."""
    session = signed_in(request)
    known: dict[str, Any] = {"member": None, "csrf": "", "error": "", "name": "", "status": status}
    if session is not None:
        known |= {"member": session.member, "csrf": session.csrf}
    text = _environment().get_template(template).render(**known | values)
    return HTMLResponse(text, status_code=status)


def error_page(request: Request, error: str, status: int) -> Response:
    """Return an error as a page."""
    return page(request, "error.html", status=status, error=error)
