"""Identifiers: UUIDv7 for what happens once, derived ones for what must land once."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import uuid_utils

__all__ = ["content_hash", "derived_id", "new_id"]


def new_id() -> str:
    """Return a UUIDv7: unique, and sorted by the time it was made."""
    return str(uuid_utils.uuid7())


def derived_id(*parts: Any) -> str:
    """Return an id that is a function of `parts`, so that writing the same thing twice is one row.

    Args:
        parts: JSON-representable values; their types count ("1" and 1 differ).

    Returns:
        32 hexadecimal digits.
    """
    return content_hash(list(parts))[:32]


def content_hash(value: Any) -> str:
    """Return the SHA-256 of a text, or of the canonical JSON of anything else, as 64 hex digits."""
    text = (
        value
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
