"""Tokens and passwords: how they are made, and what of them is kept."""

from __future__ import annotations

import secrets
from functools import cache
from threading import BoundedSemaphore
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from trueup.store import content_hash

__all__ = ["hash_password", "new_token", "outdated", "token_hash", "verify_password"]

_BYTES = 32
_LONGEST = 1000
_HASHER = PasswordHasher()  # argon2id, RFC 9106's second choice: 64 MiB and a quarter of a second
# a web server's forty threads at once would take 2.5 GiB
_AT_ONCE = BoundedSemaphore(4)


def new_token(prefix: str = "") -> str:
    """Return 256 random bits as a text that a URL and a header can carry."""
    return prefix + secrets.token_urlsafe(_BYTES)


def token_hash(token: str) -> str:
    """Return what is kept of a token: its SHA-256, which for 256 random bits needs no salt."""
    return content_hash(token)


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    with _AT_ONCE:
        return _HASHER.hash(_bytes(password))


def verify_password(kept: str | None, password: str) -> bool:
    """Return whether the password is the one that was kept.

    It takes as long where nothing was kept, so that a name that nobody has cannot be told by the
    time that a wrong password takes.
    """
    nobodys = _nobodys()  # also where it is not needed: the first one takes time
    against = kept or nobodys
    given = _bytes(password) if len(password) <= _LONGEST else b""
    try:
        with _AT_ONCE:
            right = _HASHER.verify(against, given)
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def outdated(kept: str) -> bool:
    """Return whether a password was hashed with other parameters than those of today."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_bytes(_BYTES))


def _bytes(password: str) -> bytes:
    # NIST SP 800-63B: one form, however the keyboard composes; a lone surrogate is only a wrong one
    return normalize("NFKC", password).encode("utf-8", "surrogatepass")
