"""The worker that makes deliveries while the service runs; several on one store share them.

What is to be delivered, and what was tried, is in the store: a worker that is killed loses nothing,
and the try that it had under way is another's a quarter of a minute later. So a message arrives at
least once, and a receiver knows one that comes again by its id.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp

from trueup.errors import StoreError
from trueup.store import Store, events
from trueup.store import webhooks as rows
from trueup.webhooks._send import TIMEOUT, Outcome, message_of, open_session, post
from trueup.webhooks._urls import Network, origin_of

__all__ = ["Sending", "deliver"]

_LEASE = timedelta(seconds=TIMEOUT + 5)
_AT_ONCE = 20  # webhooks that are sent to at the same time
_ACTOR = "trueup"


@dataclass(frozen=True, slots=True)
class Sending:
    """How deliveries are made.

    Attributes:
        networks: what is open beside the public.
        tries: after as many that failed, one after the other, a webhook is disabled.
        first_wait: seconds from the first try to the second; each wait is four times the one
            before it, at most `longest_wait`, and half of it or more, at random.
        longest_wait: seconds.
        look_every: seconds between two looks at the store.
    """

    networks: tuple[Network, ...] = ()
    tries: int = 10
    first_wait: float = 5.0
    longest_wait: float = 12 * 3600.0
    look_every: float = 1.0

    def wait(self, attempts: int) -> timedelta:
        """Return how long to wait after so many tries, one anew each time."""
        whole = min(self.longest_wait, self.first_wait * 4 ** (attempts - 1))
        return timedelta(seconds=whole * random.uniform(0.5, 1))


async def deliver(store: Store, how: Sending, stop: asyncio.Event) -> None:
    """Make deliveries until `stop` is set; those under way then are finished."""
    under_way: set[asyncio.Task[None]] = set()
    async with open_session(how.networks) as session:
        while not stop.is_set():
            for due in await _guarded(_look, store, _AT_ONCE - len(under_way)):
                task = asyncio.create_task(_drain(store, how, session, stop, due))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), how.look_every)
        if under_way:
            await asyncio.wait(under_way, timeout=TIMEOUT)


async def _drain(
    store: Store,
    how: Sending,
    session: aiohttp.ClientSession,
    stop: asyncio.Event,
    due: rows.Due,
) -> None:
    """Make a delivery, and then those that follow it, for as long as they arrive."""
    waiting = [due]
    while waiting:
        [one] = waiting
        key, body = message_of(one)
        outcome = await post(
            session,
            one.url,
            one.secret,
            key,
            body,
            networks=how.networks,
            now=datetime.now(UTC),
        )
        waiting = await _guarded(_settle, store, how, one, outcome, not stop.is_set())


async def _guarded(work: Callable[..., list[rows.Due]], *given: object) -> list[rows.Due]:
    """Do a piece of work on the store in a thread; where it fails, a later look does it."""
    try:
        return await asyncio.to_thread(work, *given)
    except StoreError as error:
        logging.getLogger(__name__).warning("%s", error)
    except Exception:  # one fault must not end all deliveries
        logging.getLogger(__name__).exception("a delivery was not looked after")
    return []


def _look(store: Store, room: int) -> list[rows.Due]:
    """Lay out what is new, and take what is due."""
    now = datetime.now(UTC)
    with store.reading() as tx:
        if not rows.anything_due(tx, now=now):
            return []
    with store.transaction(beside_others=True) as tx:
        rows.enqueue(tx, now=now)
    if room <= 0:
        return []
    with store.transaction(beside_others=True) as tx:
        return rows.take_due(tx, now=now, lease=_LEASE, limit=room)


def _settle(
    store: Store, how: Sending, due: rows.Due, outcome: Outcome, more: bool
) -> list[rows.Due]:
    """Write how a try ended, and take the webhook's next one where it arrived."""
    now = datetime.now(UTC)
    with store.transaction(beside_others=True) as tx:
        if not outcome.error:
            rows.finish(tx, due, now=now)
            if not more:
                return []
            return rows.take_due(tx, now=now, lease=_LEASE, limit=1, only=due.webhook_id)
        over = outcome.gone or due.attempts >= how.tries
        retry_at = now if over else now + how.wait(due.attempts)
        ours = rows.finish(tx, due, error=outcome.error, retry_at=retry_at, now=now)
        if over and ours and rows.stop_webhook(tx, due.webhook_id):
            detail = {
                "to": origin_of(due.url),
                "error": outcome.error,
                "tries": due.attempts,
                "event": due.change.number,
            }
            events.record(tx, "disable", "webhook", due.webhook_id, detail, actor=_ACTOR, now=now)
    return []
