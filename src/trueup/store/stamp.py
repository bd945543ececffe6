"""Who writes and when: what every write is given, and what it falls back on at a prompt."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from typing import NamedTuple

__all__ = ["Stamp", "moment", "stamp"]


class Stamp(NamedTuple):
    """The actor and the time (UTC) of a write."""

    actor: str
    now: datetime


def stamp(actor: str | None = None, now: datetime | None = None) -> Stamp:
    """Fill in what a caller left out.

    Args:
        actor: who writes; None takes TRUEUP_ACTOR, else the login name.
        now: when; None takes the clock.
    """
    return Stamp(actor or os.environ.get("TRUEUP_ACTOR") or _login(), moment(now))


def moment(now: datetime | None = None) -> datetime:
    """Return the time that was given, else the clock's (UTC)."""
    return now or datetime.now(UTC)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        return f"uid-{os.getuid()}"
