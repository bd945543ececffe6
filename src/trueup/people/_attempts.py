"""How often somebody may try a password.

The failed tries are counted in the store, not in this process: several processes may serve one
store, and each would allow the full number again, as would each restart. What that costs is one
write a failure, beside a quarter of a second for the password itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from trueup.errors import SignInError
from trueup.people._names import key_of
from trueup.store import Tx, access, content_hash

__all__ = ["forget_failures", "note_failure", "provider_subjects", "refuse", "subjects_of"]

_TRIES = 5
_WINDOW = timedelta(minutes=15)


def subjects_of(name: str, address: str) -> list[str]:
    """Return what tries are counted by: the name as it was typed, and the address where there is.

    As it was typed, so that what a name and an email have in common is told to nobody. As a hash,
    since some type their password where the name belongs.
    """
    named = content_hash(["name", key_of(name)])
    return [named, content_hash(["address", _network(address)])] if address else [named]


def provider_subjects(address: str) -> list[str]:
    """Return what answers of an OpenID provider that do not hold are counted by."""
    return [content_hash(["provider", _network(address)])] if address else []


def refuse(tx: Tx, subjects: list[str], now: datetime) -> None:
    """Raise where one of the subjects has failed too often to try again.

    Raises:
        SignInError: it has; `retry_at` says when the next try is let through.
    """
    for subject in subjects:
        times = access.failures(tx, subject, since=now - _WINDOW)
        if len(times) >= _TRIES:
            free = times[-_TRIES] + _WINDOW
            minutes = -(-(free - now) // timedelta(minutes=1))
            raise SignInError(
                f"too many tries: wait {minutes} minutes, until {free:%H:%M} UTC, and try again",
                free,
            )


def note_failure(tx: Tx, subjects: list[str], now: datetime) -> None:
    """Count a failed try for each of the subjects."""
    forget_failures(tx, now)
    if subjects:
        access.add_failures(tx, subjects, actor="unknown", now=now)


def forget_failures(tx: Tx, now: datetime) -> int:
    """Forget the failed tries that no longer count, and return how many."""
    return access.forget_old_failures(tx, before=now - _WINDOW)


def _network(address: str) -> str:
    """Return the part of an address that one customer has: of IPv6 it is a /64."""
    try:
        if ip_address(address).version == 6:
            return str(ip_network((address, 64), strict=False))
    except ValueError:  # a proxy's word for it; it counts as it is
        pass
    return address
