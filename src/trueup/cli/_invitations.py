"""`trueup member invite`, `invitations` and `cancel`: who may become a member."""

from __future__ import annotations

from dataclasses import asdict

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.people import Role, cancel_invitation, invite, list_invitations
from trueup.store import Store

__all__ = ["cancel", "invitations", "invite_"]


def invite_(
    *,
    role: Role = "reviewer",
    email: str = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a one-time token that makes its bearer a member; it cannot be shown again.

    Args:
        role: What they may do.
        email: Another name to sign in with, and what an OpenID provider knows them by.
    """
    with Store.open(store) as opened:
        made = invite(opened, role, email=email)
    if as_json:
        show_json(asdict(made))
        return
    show_facts(
        {
            "token": made.token,
            "role": made.role,
            "good until": f"{made.expires_at:%Y-%m-%d %H:%M} UTC, once",
        }
    )


def invitations(*, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the invitations: open ones, and those that were used or are over."""
    with open_store(store) as opened:
        found = list_invitations(opened)
    if as_json:
        show_json([asdict(sent) for sent in found])
        return
    rows = [
        (
            sent.id,
            sent.role,
            sent.email,
            sent.state,
            f"{sent.expires_at:%Y-%m-%d %H:%M}",
            sent.actor,
        )
        for sent in found
    ]
    show_table(("invitation", "role", "email", "state", "ends", "made by"), rows)


def cancel(invitation: str, /, *, store: StoreOption = None) -> None:
    """Take an invitation back, so that its token lets nobody in.

    Args:
        invitation: Its id, as `trueup member invitations` shows it.
    """
    with open_store(store) as opened:
        cancel_invitation(opened, invitation)
    say(f"invitation {invitation} is cancelled")
