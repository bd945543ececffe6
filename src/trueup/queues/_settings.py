"""What a queue is made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trueup.errors import InputError
from trueup.store import Store
from trueup.store import queues as rows
from trueup.store.stamp import Stamp

__all__ = ["Settings", "Stream", "put_queue"]

Stream = Literal["reviewer", "end_user", "ai"]
_STREAMS = ("reviewer", "end_user", "ai")


@dataclass(frozen=True, slots=True)
class Settings:
    """A queue's settings; see `AnnotationQueue.create`.

    Raises:
        InputError: one makes no sense.
    """

    name: str
    overlap: int
    stream: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InputError("a queue needs a name")
        if self.overlap < 1:
            raise InputError(
                f"queue {self.name}: overlap is {self.overlap}; an item needs a reviewer or more"
            )
        if self.stream not in _STREAMS:
            raise InputError(
                f"queue {self.name}: stream {self.stream!r} is none of {', '.join(_STREAMS)}"
            )
        if len(set(self.labels)) < len(self.labels) or not all(self.labels):
            raise InputError(f"queue {self.name}: labels {list(self.labels)} repeat or are empty")


def put_queue(store: Store, settings: Settings, stamp: Stamp) -> tuple[rows.QueueRow, bool]:
    """Store a queue and return it with whether it is new; one of that name is left as it is."""
    with store.transaction() as tx:
        new = rows.put_queue(
            tx,
            settings.name,
            overlap=settings.overlap,
            stream=settings.stream,
            labels=settings.labels,
            actor=stamp.actor,
            now=stamp.now,
        )
        row = rows.find_queue(tx, settings.name)
    assert row is not None  # it was there or it is now
    return row, new
