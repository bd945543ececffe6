"""API keys: a program acts for a member, and may do no more than the member may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trueup.errors import InputError, UnknownName
from trueup.people._members import find
from trueup.people._names import checked_name
from trueup.people._roles import Actor, Permission, permissions_of
from trueup.people._secrets import new_token, token_hash
from trueup.store import Store, access, events
from trueup.store.access import ApiKey
from trueup.store.stamp import moment, stamp

__all__ = ["NewKey", "key_owner", "list_keys", "make_key", "revoke_key"]

_MARK = "tu_"  # by which a scanner for leaked secrets knows one
_SHOWN = 10  # characters, of which the mark is three and 36 bits are of the key's 256
_TOUCH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key as it is handed to its owner; it cannot be read again.

    Attributes:
        key: what the program sends.
        kept: what is known of it from now on.
    """

    key: str = field(repr=False)
    kept: ApiKey


def make_key(
    store: Store,
    who: str,
    name: str,
    scopes: Iterable[Permission],
    *,
    expires_at: datetime | None = None,
    actor: str | None = None,
    now: datetime | None = None,
) -> NewKey:
    """Make an API key for a member.

    Args:
        store: where.
        who: the member's name, email or id.
        name: what the key is for.
        scopes: the permissions it is for; what its owner may no longer do, it may not either.
        expires_at: when it ends; None is when it is revoked.
        actor: who makes it.
        now: when.

    Raises:
        UnknownName: there is no such member.
        InputError: the owner may not do what the key is for, or it would be over.
    """
    stamped, name, asked = stamp(actor, now), checked_name(name, "key"), sorted(set(scopes))
    if expires_at is not None and expires_at <= stamped.now:
        raise InputError(f"key {name}: it would be over since {expires_at:%Y-%m-%d %H:%M}")
    key = new_token(_MARK)
    with store.transaction() as tx:
        owner = find(tx, who)
        allowed = sorted(permissions_of(owner))
        if not asked or not set(asked) <= set(allowed):
            raise InputError(
                f"key {name}: its scopes are {', '.join(asked) or 'none'}; "
                f"give some of what {owner.name} may do: {', '.join(allowed) or 'nothing'}"
            )
        made = access.put_key(
            tx,
            owner.id,
            hash=token_hash(key),
            prefix=key[:_SHOWN],
            name=name,
            scopes=asked,
            expires_at=expires_at,
            **stamped._asdict(),
        )
        detail = {"name": name, "owner": owner.name, "scopes": asked}
        events.record(tx, "make_key", "api_key", made.id, detail, **stamped._asdict())
    return NewKey(key, made)


def revoke_key(
    store: Store,
    key_id: str,
    *,
    who: str | None = None,
    actor: str | None = None,
    now: datetime | None = None,
) -> None:
    """Have an API key let nobody in any more; one that was revoked stays so.

    Args:
        store: where.
        key_id: the key's id.
        who: the name, email or id of the member whose it has to be; None is anybody's.
        actor: who does it.
        now: when.

    Raises:
        UnknownName: there is no key of that id, or it is another member's.
    """
    stamped = stamp(actor, now)
    with store.transaction() as tx:
        owner = None if who is None else find(tx, who).id
        found = access.list_keys(tx, key_id=key_id, member_id=owner)
        if not found:
            raise UnknownName(f"no API key {key_id!r}: take an id from the list of keys")
        if access.revoke_key(tx, key_id, stamped.now):
            detail = {"name": found[0].name, "owner": found[0].owner}
            events.record(tx, "revoke_key", "api_key", key_id, detail, **stamped._asdict())


def list_keys(store: Store, who: str | None = None) -> list[ApiKey]:
    """Return a member's API keys, or all, the newest first.

    Raises:
        UnknownName: there is no such member.
    """
    with store.reading() as tx:
        return access.list_keys(tx, member_id=None if who is None else find(tx, who).id)


def key_owner(store: Store, key: str, *, now: datetime | None = None) -> Actor | None:
    """Return whom an API key acts for, or None where it is unknown, revoked or over.

    That it was used is noted, at most once a minute.
    """
    when = moment(now)
    with store.glance() as tx:
        found = access.find_key(tx, token_hash(key))
    if found is None:
        return None
    kept, owner = found
    over = kept.expires_at is not None and kept.expires_at <= when
    if kept.revoked_at is not None or over or not owner.active:
        return None
    if kept.last_used_at is None or when - kept.last_used_at >= _TOUCH:
        with store.transaction(beside_others=True) as tx:
            access.touch_key(tx, kept.id, when)
    allowed = frozenset(p for p in permissions_of(owner) if p in kept.scopes)
    return Actor(owner, allowed, kept.expires_at, key_id=kept.id)
