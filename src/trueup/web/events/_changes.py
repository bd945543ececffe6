"""What happens to queues, told as it happens: one look at the store a second for all who listen."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from starlette.exceptions import HTTPException

from trueup.errors import StoreError
from trueup.queues import AnnotationQueue
from trueup.store import Store
from trueup.store.changes import Change, last_position, list_changes

__all__ = ["Broadcast", "Listener", "Told"]

_SECONDS = 1.0
_KEPT = 5_000  # changes, for those who come back after a moment
_CAUGHT_UP = 1_000  # seals that are read for one who comes back later than that
_MOST, _EACH = 400, 12  # who listen at once, of all and of one member
_SHARE = 20  # counting a queue takes at most a twentieth of the time
_COUNTS = ("items", "done", "started", "annotations", "corrections", "simulated")


@dataclass(frozen=True, slots=True)
class Told:
    """What a listener is told: a change, counts, or (neither) that it missed too much."""

    change: Change | None = None
    counts: dict[str, int] | None = None


@dataclass(eq=False)
class Listener:
    """One who listens to one queue.

    Attributes:
        queue: the queue.
        position: the last position that they know of.
        counted: how often the queue had been counted when they were told of it.
        news: set when there may be something to tell.
    """

    queue: AnnotationQueue
    position: int
    counted: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Counted:
    """How far a queue has come, how often that was counted, and when it may be again."""

    figures: dict[str, int] = field(default_factory=dict)
    times: int = 0
    again_at: float = 0.0
    stale: bool = True


class Broadcast:
    """Reads the store for all who listen, and keeps what it read for a while.

    All of it but the reading runs in the event loop's one thread.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: set[Listener] = set()
        self._seats: Counter[str] = Counter()
        self._kept: deque[Change] = deque(maxlen=_KEPT)
        self._since = self._position = 0  # what is kept lies after the one, up to the other
        self._counted: dict[str, _Counted] = {}
        self._closed = False

    def close(self) -> None:
        """Tell nobody any more: a server that stops would wait for those who listen."""
        self._closed = True
        for listener in self._listeners:
            listener.news.set()

    @contextmanager
    def seat(self, member: str) -> Iterator[None]:
        """Take a place among those who listen.

        Raises:
            HTTPException: there is none (429).
        """
        if self._seats.total() >= _MOST or self._seats[member] >= _EACH:
            raise HTTPException(429, "too many listen at once; close a page, or try again later")
        self._seats[member] += 1
        try:
            yield
        finally:
            self._seats[member] -= 1
            self._seats += Counter()  # forget who has none

    async def run(self, stop: asyncio.Event) -> None:
        """Look at the store every second while anybody listens, until `stop` is set."""
        while not stop.is_set():
            if self._listeners:
                try:
                    await self._look()
                except StoreError as error:  # the next second tries again
                    logging.getLogger(__name__).warning("%s", error)
                except Exception:
                    logging.getLogger(__name__).exception("nobody was told of changes")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _SECONDS)

    async def listen(
        self, queue: AnnotationQueue, after: int | None, beat: float
    ) -> AsyncIterator[list[Told]]:
        """Yield what happens to a queue as it happens, and an empty list every `beat` seconds.

        Args:
            queue: the queue.
            after: the last position that the listener knows of; None begins now.
            beat: seconds.
        """
        now = await asyncio.to_thread(self._last)
        if not self._listeners:
            self._kept.clear()
            self._since = self._position = now
        listener = Listener(queue, now if after is None else min(after, now))
        self._counted.setdefault(queue.id, _Counted()).stale = True
        self._listeners.add(listener)
        try:
            if listener.position < self._since:
                yield await self._catch_up(listener)
            while not self._closed:
                listener.news.clear()
                yield self._news(listener)
                with suppress(TimeoutError):
                    await asyncio.wait_for(listener.news.wait(), beat)
        finally:
            self._listeners.discard(listener)
            if not any(other.queue.id == queue.id for other in self._listeners):
                self._counted.pop(queue.id, None)

    async def _look(self) -> None:
        changes, position = await asyncio.to_thread(self._read, self._position, 500)
        for change in changes:
            if len(self._kept) == _KEPT:
                self._since = self._kept[0].position
            self._kept.append(change)
        self._position = position
        touched = {change.queue_id for change in changes}
        for key in touched & self._counted.keys():
            self._counted[key].stale = True
        queues = {listener.queue.id: listener.queue for listener in self._listeners}
        for key, queue in queues.items():
            if await self._count(queue):
                touched.add(key)
        for listener in self._listeners:
            if listener.queue.id in touched:
                listener.news.set()

    async def _count(self, queue: AnnotationQueue) -> bool:
        """Count a queue that changed, unless it was counted a moment ago."""
        known = self._counted.get(queue.id)
        if known is None or not known.stale or monotonic() < known.again_at:
            return False
        began = monotonic()
        known.stale = False
        known.figures = await asyncio.to_thread(self._figures, queue)
        known.times += 1
        known.again_at = began + _SHARE * (monotonic() - began)
        return True

    async def _catch_up(self, listener: Listener) -> list[Told]:
        """Return what a listener missed, from the store, or that it was too much."""
        asked, until = listener.position, self._since
        changes, position = await asyncio.to_thread(self._read, asked, _CAUGHT_UP)
        listener.position = until
        if position < until:
            return [Told()]
        mine = (c for c in changes if c.queue_id == listener.queue.id and c.position <= until)
        return [Told(change) for change in mine]

    def _news(self, listener: Listener) -> list[Told]:
        if listener.position < self._since:  # it was slower than what is kept is long
            listener.position = self._position
            return [Told()]
        key = listener.queue.id
        told = [
            Told(change)
            for change in self._kept
            if change.position > listener.position and change.queue_id == key
        ]
        listener.position = max(listener.position, self._position)
        counted = self._counted.get(key)
        if counted is not None and counted.times > listener.counted:
            listener.counted = counted.times
            told.append(Told(counts=counted.figures))
        return told

    def _last(self) -> int:
        with self._store.reading() as tx:
            return last_position(tx)

    def _read(self, after: int, limit: int) -> tuple[list[Change], int]:
        with self._store.reading() as tx:
            return list_changes(tx, after=after, limit=limit)

    def _figures(self, queue: AnnotationQueue) -> dict[str, int]:
        found = AnnotationQueue.get(queue.name, store=self._store).stats().to_json()
        return {name: found[name] for name in _COUNTS}
