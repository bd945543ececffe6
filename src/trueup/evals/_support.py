"""Single claims of an answer, and the passages of a context."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trueup.errors import InputError
from trueup.evals.base import need_text
from trueup.evals.grounding.claims import Claim, find_claims
from trueup.text import facts, sentences, stems

__all__ = ["passages_of", "single_claims"]

_JOINED = re.compile(
    r",?\s+\b(?:and|but|while|whereas|although|though|because|so)\b\s+(?=(?:\w+\s+){1,3}\w)"
    r"|,\s+(?:which|who|where|when)\b\s+|\s*[:–—]\s+",
    re.IGNORECASE,
)
_ENOUGH = 3  # words and facts that make a part of a sentence a claim of its own


def single_claims(text: str) -> list[Claim]:
    """Return the claims of a text, sentences that say several things taken apart."""
    return find_claims("\n".join(part for said in sentences(text) for part in _apart(said)))


def passages_of(context: Any) -> list[str]:
    """Return a context, a text or texts, as passages.

    Raises:
        InputError: it is neither.
    """
    if isinstance(context, str):
        return [context]
    if not isinstance(context, Iterable) or isinstance(context, Mapping):
        raise InputError(f"context: a text or texts are needed, not {type(context).__name__}")
    return [need_text("context", passage) for passage in context]


def _apart(sentence: str) -> list[str]:
    parts = [part for part in _JOINED.split(sentence) if part]
    if all(len(stems(part)) + len(facts(part)) >= _ENOUGH for part in parts):
        return parts
    return [sentence]
