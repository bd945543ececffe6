"""Signing in by another service: an OpenID provider vouches for who somebody is.

What a provider says is turned into an `Identity` elsewhere (`trueup.web`), its signature held
against the provider's keys. Here is decided whose account it opens. A provider's word for an email
counts only where it says that it has verified it: anybody can write another's address into a
profile, and would get their account by it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, digest

from trueup.errors import AccessDenied, InputError, SignInError
from trueup.people._attempts import note_failure, provider_subjects, refuse
from trueup.people._invitations import find_open, open_for
from trueup.people._members import put
from trueup.people._names import check_role, checked_email, checked_name, key_of
from trueup.people._roles import Actor
from trueup.people._secrets import new_token, token_hash
from trueup.people._sessions import begin
from trueup.store import Store, Tx, access, events
from trueup.store import people as rows
from trueup.store.invitations import InvitationRow, use_invitation
from trueup.store.people import Member, Role
from trueup.store.stamp import Stamp, moment

__all__ = [
    "Identity",
    "PendingSignIn",
    "begin_sign_in",
    "note_failed_sign_in",
    "sign_in_with",
    "take_sign_in",
]

_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom an OpenID provider vouches for.

    Attributes:
        issuer: the provider.
        subject: how it knows them, for good.
        name: what it calls them; "" where it does not say.
        email: their email; "" where it does not say.
        email_verified: whether it has made sure that the email is theirs.
    """

    issuer: str
    subject: str
    name: str = ""
    email: str = ""
    email_verified: bool = False


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in that a provider is to vouch for, under way in one browser.

    Attributes:
        secret: what that browser keeps. The others follow from it, so that the store, which has
            its hash alone, gives none of them away.
    """

    secret: str = field(repr=False)

    @property
    def state(self) -> str:
        """What the provider hands back with its answer, so that the answer is to this question."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the provider signs, so that its token is of this sign-in and no other."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What shows the provider that who began is who ends: RFC 7636."""
        return self._derived("verifier")

    def _derived(self, what: str) -> str:
        made = digest(self.secret.encode("utf-8", "surrogatepass"), what.encode(), sha256)
        return urlsafe_b64encode(made).rstrip(b"=").decode()


def begin_sign_in(store: Store, *, address: str = "", now: datetime | None = None) -> PendingSignIn:
    """Begin a sign-in by a provider, good once and for ten minutes.

    Raises:
        SignInError: too many answers that did not hold came to this address.
    """
    when, secret = moment(now), new_token()
    until = when + timedelta(minutes=_MINUTES)
    with store.transaction() as tx:
        refuse(tx, provider_subjects(address), when)
        access.forget_pending(tx, when)
        access.put_pending(tx, token_hash(secret), expires_at=until, actor="unknown", now=when)
    return PendingSignIn(secret)


def take_sign_in(
    store: Store, secret: str, state: str, *, now: datetime | None = None
) -> PendingSignIn:
    """Use a sign-in under way up: there is no second answer to one question.

    Args:
        store: where.
        secret: what the browser kept.
        state: what the provider handed back.
        now: when.

    Raises:
        SignInError: the answer is to no sign-in that this browser began, or not in time.
    """
    pending = PendingSignIn(secret)
    same = compare_digest(pending.state.encode(), state.encode("utf-8", "surrogatepass"))
    if same:
        when = moment(now)
        with store.transaction() as tx:
            same = access.take_pending(tx, token_hash(secret), when)
    if not same:
        raise SignInError("this sign-in was not begun here, was used, or is over: begin it again")
    return pending


def note_failed_sign_in(
    store: Store, issuer: str, *, address: str = "", now: datetime | None = None
) -> None:
    """Count a provider's answer that did not hold; after five in 15 minutes an address waits."""
    when = moment(now)
    with store.transaction() as tx:
        note_failure(tx, provider_subjects(address), when)
        _record_failure(tx, issuer, when)


def sign_in_with(
    store: Store,
    identity: Identity,
    *,
    invitation: str = "",
    newcomers: Role | None = None,
    now: datetime | None = None,
) -> tuple[str, Actor]:
    """Begin a session for whom a provider vouches for; return its token and who.

    It is the member whom the provider is known to mean; else the one who has the email, which is
    linked from then on, if the provider has verified it; else a new one, by an invitation, or by
    one for that email, or since newcomers may come in.

    Args:
        store: where.
        identity: whom; the caller has held it against the provider's signature.
        invitation: token of an invitation that was followed.
        newcomers: what those are whom nobody invited; None is that they may not come in.
        now: when.

    Raises:
        AccessDenied: they are no member and may not become one, or are not active.
    """
    if newcomers is not None:
        check_role(newcomers)
    when, refused = moment(now), None
    with store.transaction() as tx:
        try:
            member = _member_of(tx, identity, invitation, newcomers, when)
        except (AccessDenied, InputError) as error:  # nothing is written yet, and the try is kept
            refused = str(error)
            _record_failure(tx, identity.issuer, when)
        else:
            return begin(tx, member, {"issuer": identity.issuer}, when)
    raise AccessDenied(refused)


def _record_failure(tx: Tx, issuer: str, now: datetime) -> None:
    detail = {"issuer": issuer}
    events.record(tx, "sign_in_failed", "member", "unknown", detail, actor="unknown", now=now)


def _member_of(
    tx: Tx, identity: Identity, invitation: str, newcomers: Role | None, now: datetime
) -> Member:
    known = rows.find_by_subject(tx, identity.issuer, identity.subject)
    if known is not None:
        return _active(known)
    email = checked_email(identity.email) if identity.email_verified else None
    named = None if email is None else rows.find_by_email(tx, key_of(email))
    if named is None:
        return _join(tx, identity, email, invitation, newcomers, now)
    if named.issuer is not None:
        raise AccessDenied(
            f"{named.name} signs in with another account of {named.issuer}; an admin can unlink it"
        )
    _link(tx, _active(named), identity, "link", {}, Stamp(named.name, now))
    return rows.member_of(tx, named.id)


def _active(member: Member) -> Member:
    if not member.active:
        raise AccessDenied(f"{member.name} is not active: an admin can change that")
    return member


def _join(
    tx: Tx,
    identity: Identity,
    email: str | None,
    invitation: str,
    newcomers: Role | None,
    now: datetime,
) -> Member:
    """Make a member of somebody who is invited, or of a newcomer."""
    found = find_open(tx, invitation, now) if invitation else None
    if found is None and email is not None:
        found = open_for(tx, email, now)
    role = newcomers if found is None else found.role
    if role is None:
        raise AccessDenied(_unknown(identity, email))
    name = _name(tx, identity)
    member = put(tx, name, email or _invited_as(tx, found), role, None, stamped := Stamp(name, now))
    detail = {"name": name, "role": role}
    if found is not None:
        use_invitation(tx, found.id, now)
        detail["invitation"] = found.id
    _link(tx, member, identity, "accept" if found else "join", detail, stamped)
    return rows.member_of(tx, member.id)


def _name(tx: Tx, identity: Identity) -> str:
    if not identity.name.strip():
        raise AccessDenied(
            f"{identity.issuer} does not say what to call you: an admin can name another claim"
        )
    name = checked_name(identity.name)
    if rows.find_member(tx, key_of(name)) is not None:
        raise AccessDenied(
            f"{identity.issuer} calls you {name!r}, as another member is called; "
            "an admin can add you under another name, with your email"
        )
    return name


def _invited_as(tx: Tx, found: InvitationRow | None) -> str | None:
    """Return the email that an invitation names, where nobody has it."""
    if found is None or found.email is None:
        return None
    return found.email if rows.find_member(tx, key_of(found.email)) is None else None


def _unknown(identity: Identity, email: str | None) -> str:
    if email is not None:
        return f"no member has the email {email}: ask an admin to invite you by it"
    if identity.email:
        return (
            f"{identity.issuer} has not verified the email {identity.email!r}, so it opens "
            "nobody's account: verify it there, or ask an admin for an invitation"
        )
    return f"{identity.issuer} gives no email to know you by: ask an admin for an invitation"


def _link(
    tx: Tx, member: Member, identity: Identity, action: str, detail: dict[str, str], stamped: Stamp
) -> None:
    linked = {"oidc_issuer": identity.issuer, "oidc_subject": identity.subject}
    rows.set_member(tx, member.id, linked)
    told = detail | {"issuer": identity.issuer}
    events.record(tx, action, "member", member.id, told, **stamped._asdict())
