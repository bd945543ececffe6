"""Figures that take seconds for a million labels: worked out in the background, and kept.

A page shows what is kept, with its age, and never waits for long. What is kept is fresh while the
store is what it was. After a change it is worked out anew; what is dear, a tenth of the time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from fastapi import Request

from trueup.errors import TrueupError
from trueup.store import Store
from trueup.store.figures import version

__all__ = ["Figures", "Held", "figures_of"]

_KEPT = 200
_CHEAP = 0.5  # seconds, up to which a figure is worked out anew after every change
_SHARE = 10  # figures are worked out again after as many times the time that they took


@dataclass(frozen=True, slots=True)
class Held:
    """A figure that was worked out.

    Attributes:
        version: of the store that it is of.
        at: when it was finished.
        seconds: that it took.
    """

    value: Any
    version: int
    at: datetime
    seconds: float

    @property
    def age(self) -> float:
        """Seconds since it was finished."""
        return (datetime.now(UTC) - self.at).total_seconds()

    def result(self) -> Any:
        """Return the figure, or raise what it came to instead."""
        if isinstance(self.value, TrueupError):
            raise self.value
        return self.value


class Figures:
    """The figures of a store that this process has worked out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._held: OrderedDict[Hashable, Held] = OrderedDict()
        self._under_way: dict[Hashable, Future[Held]] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="figures")

    def get(self, key: Hashable, make: Callable[[], Any], *, wait: float) -> Held | None:
        """Return the figure, an earlier one where a new one takes longer than `wait` seconds.

        None where there is none yet: it is being worked out, ask again.
        """
        with self._store.reading() as tx:
            current = version(tx)
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
                dear = held.seconds > _CHEAP and held.age < _SHARE * held.seconds
                if held.version == current or dear:
                    return held
            job = self._under_way.get(key)
            if job is None:
                job = self._pool.submit(self._make, key, make, current)
                self._under_way[key] = job
        try:
            return job.result(wait)
        except Unfinished:
            return held

    def close(self) -> None:
        """Begin no more work."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self, key: Hashable, make: Callable[[], Any], current: int) -> Held:
        start = time.perf_counter()
        try:
            try:
                value = make()
            except TrueupError as error:  # as good an answer as any: that there is no label, say
                value = error
            held = Held(value, current, datetime.now(UTC), time.perf_counter() - start)
            with self._lock:
                self._held[key] = held
                while len(self._held) > _KEPT:
                    self._held.popitem(last=False)
            return held
        finally:
            with self._lock:
                self._under_way.pop(key, None)


def figures_of(request: Request) -> Figures:
    """Return the figures of the store that is served."""
    found: Figures = request.app.state.figures
    return found
