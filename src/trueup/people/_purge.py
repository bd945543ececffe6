"""Forgetting what lets nobody in any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from trueup.people._attempts import forget_failures
from trueup.store import Store, access
from trueup.store.invitations import forget_invitations
from trueup.store.stamp import moment

__all__ = ["purge"]

_SHOWN = timedelta(days=30)  # for so long an invitation that is over is still listed


def purge(store: Store, *, now: datetime | None = None) -> int:
    """Forget what has ended: sessions, invitations, sign-ins under way and failed tries.

    An invitation is forgotten 30 days after its time. That each of them was is in the audit log.

    Returns:
        How many rows that were.
    """
    when = moment(now)
    with store.transaction() as tx:
        return (
            access.forget_sessions(tx, when)
            + access.forget_pending(tx, when)
            + forget_failures(tx, when)
            + forget_invitations(tx, before=when - _SHOWN)
        )
