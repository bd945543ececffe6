"""What names, emails, tags and passwords may be, and how names are compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args
from unicodedata import category, normalize

from trueup.errors import InputError
from trueup.store.people import Role

__all__ = [
    "check_role",
    "checked_email",
    "checked_name",
    "checked_password",
    "checked_tags",
    "key_of",
]

_NAME, _EMAIL, _TAG = 128, 254, 64  # what the store's columns hold
_SHORTEST, _LONGEST = 12, 1000  # NIST SP 800-63B asks for 8 and at least 64
# control characters, and those that are not seen, which would make two names look like one
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def key_of(text: str) -> str:
    """Return a name, an email or an id as it is compared; "" for what can be none of them."""
    key = normalize("NFKC", normalize("NFKC", text.strip()).casefold())
    return "" if _hidden(key) else key


def checked_name(name: str, what: str = "name", longest: int = _NAME) -> str:
    """Return a name without spaces around it, in the one form that it is written in.

    Raises:
        InputError: it is empty, too long, or has characters that are not seen.
    """
    trimmed = normalize("NFC", name.strip())
    if _hidden(trimmed):
        raise InputError(f"{what} {trimmed!r}: it has characters that are not seen; leave them out")
    sizes = len(trimmed), len(key_of(trimmed))
    if not 0 < min(sizes) <= max(sizes) <= longest:
        raise InputError(
            f"{what} {trimmed[:40]!r}: it has {max(sizes)} characters; give 1 to {longest}"
        )
    return trimmed


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as `checked_name` does, each once, in order.

    Raises:
        InputError: one is none.
    """
    return tuple(sorted({checked_name(tag, "tag", _TAG) for tag in tags}))


def checked_email(email: str) -> str | None:
    """Return an email without spaces around it, None for an empty one.

    Raises:
        InputError: it does not look like one.
    """
    if not email.strip():
        return None
    trimmed = checked_name(email, "email", _EMAIL)
    user, _, host = trimmed.rpartition("@")
    if not user or not host or any(character.isspace() for character in trimmed):
        raise InputError(f"email {trimmed!r}: it has no form like name@example.org")
    return trimmed


def checked_password(password: str, *names: str | None) -> str:
    """Return a password that may be set; see NIST SP 800-63B, 5.1.1.2: length, no composition.

    Args:
        password: as it was typed.
        names: what it must not be: the member's name and email.

    Raises:
        InputError: it is too short, too long, one of the names, or one character over and over.
    """
    if len(password) > _LONGEST or len(normalize("NFKC", password)) < _SHORTEST:
        raise InputError(
            f"the password has {len(password)} characters; give {_SHORTEST} to {_LONGEST}"
        )
    if key_of(password) in {key_of(name) for name in names if name}:
        raise InputError("the password is the name or the email; take another")
    if len(set(password.casefold())) == 1:
        raise InputError("the password is one character over and over; take another")
    return password


def check_role(role: str) -> None:
    """Raise InputError unless it is a role."""
    if role not in get_args(Role):
        raise InputError(f"role {role!r} is none of {', '.join(get_args(Role))}")


def _hidden(text: str) -> bool:
    return any(category(character) in _HIDDEN for character in text)
