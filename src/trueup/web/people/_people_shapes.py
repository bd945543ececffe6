"""What the API takes and gives of members, keys, sessions and invitations, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from trueup.people import (
    ApiKey,
    Invitation,
    Member,
    NewKey,
    Permission,
    Role,
    SentInvitation,
    Session,
)

__all__ = [
    "InvitationIn",
    "KeyIn",
    "MemberIn",
    "MemberSet",
    "PasswordIn",
    "invitation_out",
    "key_out",
    "made_out",
    "member_out",
    "session_out",
]

_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Email = Annotated[str, Field(max_length=320)]
_Password = Annotated[SecretStr, Field(max_length=1000)]
_Names = Annotated[list[_Name], Field(max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MemberIn(_Strict):
    """A member to add; without a password they sign in by an OpenID provider, or not at all."""

    name: _Name
    role: Role = "reviewer"
    email: _Email = ""
    password: _Password | None = None
    tags: _Names = []
    teams: _Names = []


class MemberSet(_Strict):
    """What of a member may change; what is left out stays. An empty email takes it away."""

    role: Role | None = None
    email: _Email | None = None
    tags: _Names | None = None
    teams: _Names | None = None
    active: bool | None = None
    unlink: bool = False


class PasswordIn(_Strict):
    """A new password; `current` is the one so far, for who changes their own."""

    password: _Password
    current: _Password = SecretStr("")


class KeyIn(_Strict):
    """An API key to make; without a time it ends when it is revoked."""

    name: _Name
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=50)]
    expires_at: AwareDatetime | None = None


class InvitationIn(_Strict):
    """Somebody to invite."""

    role: Role = "reviewer"
    email: _Email = ""


def member_out(member: Member) -> dict[str, Any]:
    """Return what is known of a member."""
    return asdict(member)


def key_out(key: ApiKey) -> dict[str, Any]:
    """Return what is known of an API key."""
    return asdict(key)


def session_out(session: Session) -> dict[str, Any]:
    """Return what is known of a session."""
    return asdict(session)


def invitation_out(sent: SentInvitation) -> dict[str, Any]:
    """Return what is known of an invitation."""
    return asdict(sent)


def made_out(made: NewKey | Invitation) -> dict[str, Any]:
    """Return a secret that was made, with what is known of it; it is not shown again."""
    if isinstance(made, NewKey):
        return {"key": made.key, **asdict(made.kept)}
    return asdict(made)
