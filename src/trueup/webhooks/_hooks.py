"""Webhooks as they are made, listed, tried and taken away."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trueup.errors import InputError, UnknownName
from trueup.store import Store, Tx, events, new_id
from trueup.store import webhooks as rows
from trueup.store.queues import find_queue
from trueup.store.stamp import Stamp, stamp
from trueup.webhooks._send import Outcome, encode, open_session, post
from trueup.webhooks._urls import Network, check_url, origin_of

__all__ = [
    "NewWebhook",
    "add_webhook",
    "list_webhooks",
    "remove_webhook",
    "resume_webhook",
    "try_webhook",
]

_BYTES = 32
_MOST = 100  # webhooks


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook as it is handed to whoever made it; the secret is not shown again.

    Attributes:
        secret: what its messages are signed with, as libraries of Standard Webhooks take it.
        kept: what is known of it from now on.
    """

    secret: str = field(repr=False)
    kept: rows.Webhook


def add_webhook(
    store: Store,
    url: str,
    *,
    actions: Sequence[str] = (),
    queue: str | None = None,
    networks: Sequence[Network] = (),
    actor: str | None = None,
    now: datetime | None = None,
) -> NewWebhook:
    """Have queue changes sent to an address, from now on.

    Args:
        store: where.
        url: an https address, or an http one of this machine.
        actions: only these, such as "submit"; empty is all.
        queue: only of the queue of this name; None is of all.
        networks: what is open beside the public.
        actor: who adds it.
        now: when.

    Raises:
        InputError: messages may not be sent there, or an action's name makes no sense.
        UnknownName: there is no such queue.
    """
    given, where = stamp(actor, now), check_url(url, networks)
    for name in actions:
        if not 0 < len(name) <= 64 or not name.isascii() or not name.replace("_", "").isalpha():
            raise InputError(f"webhook: action {name!r} is none; give some such as submit")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_BYTES)).decode()
    key = new_id()
    with store.transaction() as tx:
        if len(rows.list_webhooks(tx)) >= _MOST:
            raise InputError(f"there are {_MOST} webhooks: remove one that is not needed")
        found = None if queue is None else find_queue(tx, queue)
        if queue is not None and found is None:
            raise UnknownName(f"no queue {queue!r}")
        rows.put_webhook(
            tx,
            key,
            where,
            secret=secret,
            actions=list(dict.fromkeys(actions)),
            queue_id=None if found is None else found.id,
            **given._asdict(),
        )
        detail = {"to": origin_of(where), "actions": list(actions), "queue": queue}
        events.record(tx, "add", "webhook", key, detail, **given._asdict())
        return NewWebhook(secret, rows.find_webhook(tx, key))


def list_webhooks(store: Store) -> list[rows.Webhook]:
    """Return the webhooks with how far each is, the first one made first."""
    with store.reading() as tx:
        return rows.list_webhooks(tx)


def remove_webhook(
    store: Store, key: str, *, actor: str | None = None, now: datetime | None = None
) -> None:
    """Remove a webhook, with its secret and what waits for it.

    Raises:
        UnknownName: there is none of that id.
    """
    given = stamp(actor, now)
    with store.transaction() as tx:
        found = rows.find_webhook(tx, key)
        rows.delete_webhook(tx, key)
        _record(tx, "remove", found, given, waiting=found.waiting)


def resume_webhook(
    store: Store, key: str, *, actor: str | None = None, now: datetime | None = None
) -> rows.Webhook:
    """Try again to send a webhook what waits for it, and what followed since.

    Raises:
        UnknownName: there is none of that id.
    """
    given = stamp(actor, now)
    with store.transaction() as tx:
        found = rows.find_webhook(tx, key)
        rows.restart_webhook(tx, key, now=given.now)
        _record(tx, "resume", found, given)
        return rows.find_webhook(tx, key)


def try_webhook(
    store: Store,
    key: str,
    *,
    networks: Sequence[Network] = (),
    actor: str | None = None,
    now: datetime | None = None,
) -> str:
    """Send a webhook a message of type "webhook.test" now, and return why that failed, or "".

    Raises:
        UnknownName: there is none of that id.
    """
    given = stamp(actor, now)
    with store.reading() as tx:
        found, secret = rows.find_webhook(tx, key), rows.secret_of(tx, key)
    body = {"type": "webhook.test", "timestamp": given.now.isoformat(), "data": {"webhook": key}}

    async def send() -> Outcome:
        async with open_session(networks) as session:
            return await post(
                session,
                found.url,
                secret,
                f"msg_{new_id()}",
                encode(body),
                networks=networks,
                now=given.now,
            )

    outcome = asyncio.run(send())
    with store.transaction() as tx:
        _record(tx, "test", found, given, error=outcome.error)
    return outcome.error


def _record(tx: Tx, action: str, hook: rows.Webhook, given: Stamp, **more: object) -> None:
    detail = {"to": origin_of(hook.url), **more}
    events.record(tx, action, "webhook", hook.id, detail, **given._asdict())
