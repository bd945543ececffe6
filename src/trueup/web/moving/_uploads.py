"""Files that people send: bounded, taken once it is known who sends them, and gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from trueup.errors import AccessDenied, InputError
from trueup.people import Actor, Permission
from trueup.web._access import allowed

__all__ = ["LARGEST", "LARGEST_FILE", "Upload", "largest", "told_by_name", "uploaded"]

LARGEST = 2_000_000
"""Bytes of a request."""
LARGEST_FILE = 50_000_000
"""Bytes of a request that brings a file."""
_WITH_FILES = ("/import", "/items")
_FIELDS = 100
_KINDS = (".json", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that was sent, with its file.

    Attributes:
        path: where the file lies while the request is answered; None where there is none.
        name: what the sender calls it.
        fields: the other fields, each with all its values.
    """

    path: Path | None
    name: str
    fields: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str | None:
        """Return a field's value without the space around it; None where it is empty."""
        return next((v.strip() for v in self.fields.get(name, ()) if v.strip()), None)

    def texts(self, name: str) -> list[str]:
        """Return a field's values, of which each may be several with commas between."""
        parts = [part for value in self.fields.get(name, ()) for part in value.split(",")]
        return [part.strip() for part in parts if part.strip()]

    def ticked(self, name: str) -> bool:
        """Return whether a box was ticked: any value but those that say no."""
        return (self.text(name) or "no").lower() not in ("no", "false", "0", "off")

    def required(self) -> Path:
        """Return where the file lies.

        Raises:
            InputError: there is none.
        """
        if self.path is None:
            raise InputError("no file was sent: choose one (field `file`)")
        return self.path


def largest(path: str) -> int:
    """Return how many bytes a request to a path may have."""
    return LARGEST_FILE if path.endswith(_WITH_FILES) else LARGEST


def uploaded(permission: Permission) -> Callable[..., AsyncIterator[Upload]]:
    """Return a dependency that takes a form with a file from those who may send it.

    The body is read once it is known that they may: a framework's own form would be read before.

    Raises:
        AccessDenied: they may not, or the form does not carry its session's token.
        InputError: it is no form that can be read.
    """
    who = allowed(permission)

    # a default, since an annotation would be looked up where `who` is not known
    async def take(
        request: Request,
        actor: Actor = Depends(who),  # noqa: B008
    ) -> AsyncIterator[Upload]:
        async with _form(request) as found:
            if not request.url.path.startswith("/api/") and not actor.accepts(
                found.text("csrf") or ""
            ):
                raise AccessDenied("the form does not carry its session's token: load it again")
            yield found

    return take


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[Upload]:
    folder = await run_in_threadpool(tempfile.mkdtemp, prefix="trueup-upload-")
    try:
        try:
            form = await request.form(max_files=1, max_fields=_FIELDS)
        except (MultiPartException, HTTPException, UnicodeDecodeError) as error:
            told = getattr(error, "detail", None) or error
            raise InputError(f"the form cannot be read: {told}") from error
        try:
            yield await run_in_threadpool(_kept, form, Path(folder))
        finally:
            await form.close()
    finally:
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)


def _kept(form: FormData, folder: Path) -> Upload:
    path, name = None, ""
    fields: dict[str, tuple[str, ...]] = {}
    for key, value in form.multi_items():
        if not isinstance(value, UploadFile):
            if "\0" in value:
                raise InputError(f"{key}: a null character is in it; leave it out")
            fields[key] = (*fields.get(key, ()), value)
            continue
        name = PurePosixPath((value.filename or "").replace("\\", "/")).name
        if name or value.size:  # a field that was left empty comes as a file without either
            path = folder / f"upload{_kind(name)}"
            with path.open("wb") as out:
                shutil.copyfileobj(value.file, out)
    return Upload(path, name or "the file", fields)


def _kind(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in _KINDS else ".jsonl"


@contextmanager
def told_by_name(upload: Upload) -> Iterator[None]:
    """Have errors call the file what its sender calls it."""
    try:
        yield
    except InputError as error:
        if upload.path is None:
            raise
        raise InputError(str(error).replace(str(upload.path), upload.name)) from error
