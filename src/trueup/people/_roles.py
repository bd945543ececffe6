"""What each role may do, and whether somebody may do a thing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from types import MappingProxyType
from typing import Literal

from trueup.errors import AccessDenied
from trueup.store.people import Member, Role

__all__ = ["PERMISSIONS", "Actor", "Permission", "may_see", "permissions_of", "require"]

Permission = Literal[
    "read_queue",  # see queues, their items and how far they are
    "read_every_queue",  # not only the queues that one labels in
    "label",  # claim, label, skip, correct one's own
    "adjudicate",  # settle what reviewers disagree on, spot-check them
    "read_quality",  # see agreement, and each reviewer's measures
    "read_lineage",  # see traces, datasets, runs, replays and verdicts
    "manage_queue",  # make queues, set them, assign their items
    "ingest",  # bring traces and labels in
    "export",  # take labels and datasets out
    "release",  # decide on what the gate leaves open, move routes
    "read_audit",  # see who did what
    "manage_members",  # invite people, set what they may do
    "manage_webhooks",  # have queue changes sent to other programs
]

_VIEWER: frozenset[Permission] = frozenset(
    {"read_queue", "read_every_queue", "read_quality", "read_lineage"}
)
_REVIEWER: frozenset[Permission] = frozenset({"read_queue", "label"})
_SENIOR: frozenset[Permission] = _VIEWER | _REVIEWER | {"adjudicate"}
_MANAGER: frozenset[Permission] = _SENIOR | {
    "manage_queue",
    "ingest",
    "export",
    "release",
    "read_audit",
}
PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        "admin": _MANAGER | {"manage_members", "manage_webhooks"},
        "manager": _MANAGER,
        "senior": _SENIOR,
        "reviewer": _REVIEWER,
        "viewer": _VIEWER,
    }
)
"""What members of each role may do."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a member who is signed in, or a program with a member's API key.

    Attributes:
        member: the member.
        permissions: the role's, less what the key's scopes leave out.
        expires_at: when the session or the key ends; None is never.
        key_id: the API key's id; None is a session.
        csrf: what a form of this session carries; "" for a key.
    """

    member: Member
    permissions: frozenset[Permission]
    expires_at: datetime | None
    key_id: str | None = None
    csrf: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The member's name: the `actor` of what is written, the `reviewer` of labels."""
        return self.member.name

    def accepts(self, csrf: str) -> bool:
        """Return whether a change that carries this token was asked for by the actor's own page.

        A browser sends cookies with what other sites ask for, and the token it does not; a key
        it never sends by itself, so a key needs none.
        """
        if self.key_id is not None:
            return True
        given = csrf.encode("utf-8", "surrogatepass")
        return bool(self.csrf) and compare_digest(given, self.csrf.encode())


def permissions_of(who: Member | Actor) -> frozenset[Permission]:
    """Return what somebody may do; who is not active may do nothing."""
    if isinstance(who, Actor):
        return who.permissions & permissions_of(who.member)
    return PERMISSIONS[who.role] if who.active else frozenset()


def require(who: Member | Actor, permission: Permission) -> None:
    """Raise unless somebody may do a thing.

    Raises:
        AccessDenied: they may not; the message names the roles that may.
    """
    if permission in permissions_of(who):
        return
    member = who.member if isinstance(who, Actor) else who
    if permission in permissions_of(member):
        raise AccessDenied(
            f"{member.name}: the API key's scopes leave out {permission}; make a key that has it"
        )
    if not member.active:
        raise AccessDenied(f"{member.name} is not active: an admin can change that")
    roles = [role for role, allowed in PERMISSIONS.items() if permission in allowed]
    raise AccessDenied(
        f"{member.name} is {member.role} and may not {permission}; "
        f"an admin can give a role that may: {', '.join(roles)}"
    )


def may_see(
    who: Member | Actor, reviewers: Collection[str] = (), teams: Collection[str] = ()
) -> bool:
    """Return whether somebody may see a queue.

    Args:
        who: the one who asks. A reviewer sees the queues that they may label in, others see all.
        reviewers: the names that the queue is for.
        teams: the teams that it is for; where both are empty, it is for everybody.
    """
    allowed = permissions_of(who)
    if "read_queue" not in allowed:
        return False
    member = who.member if isinstance(who, Actor) else who
    everybody = not reviewers and not teams
    invited = member.name in reviewers or not set(member.teams).isdisjoint(teams)
    return "read_every_queue" in allowed or everybody or invited
