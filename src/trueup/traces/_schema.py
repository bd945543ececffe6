"""The shapes that are checked by pydantic, and its errors in one line."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["CallSchema", "ExpectedSchema", "Strict", "flat"]

_SHOWN = 3  # errors


class Strict(BaseModel):
    """A shape that takes no text for a number and no number for a text."""

    model_config = ConfigDict(strict=True)


class CallSchema(Strict):
    """A tool call."""

    name: str
    arguments: dict[str, Any] = {}


class ExpectedSchema(Strict):
    """What a right answer contains, as `Expected.to_json` writes it."""

    calls: list[CallSchema] | None = None
    facts: list[str | list[str]] = []
    forbidden: list[str] = []
    refuse: bool | None = None
    outcome: str = ""


def flat(error: ValidationError) -> str:
    """Return a validation error as one line: where and what, for the first few."""
    found = [
        f"{'.'.join(str(part) for part in e['loc']) or 'the record'}: {e['msg'].lower()}"
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more
