"""What every station of a turn is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from trueup.flywheel.application import Application
from trueup.flywheel.config import LoopConfig
from trueup.store import Store, derived_id

__all__ = ["Events", "Found", "Silent", "Turn"]

Found = dict[str, Any]
"""What a station found, as JSON values: what the stations after it, and a resumed turn, read."""


class Events(Protocol):
    """Where a turn tells how it goes; the command draws bars from it."""

    def station(self, name: str, number: int, total: int) -> None:
        """A station begins."""

    def progress(self, what: str, done: int, total: int) -> None:
        """So much of something is done."""

    def note(self, text: str) -> None:
        """Something that a person should read."""


class Silent:
    """Events that nobody watches."""

    def station(self, name: str, number: int, total: int) -> None:
        """Do nothing."""

    def progress(self, what: str, done: int, total: int) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Turn:
    """One turn of the loop: its configuration, and what it works on.

    Attributes:
        labels: a file of labels made elsewhere, in place of the simulated reviewers.
    """

    store: Store
    config: LoopConfig
    application: Application
    events: Events
    labels: Path | None = None

    actor: str = "trueup loop"

    @property
    def id(self) -> str:
        """The turn's id: the application and everything that its result depends on."""
        simulated = self.labels is None
        return f"loop-{derived_id(self.application.name, self.config.key, simulated)[:12]}"

    @property
    def folder(self) -> Path:
        """Where the turn's report goes."""
        return self.store.root / "loops" / self.id

    @property
    def checkpoints(self) -> Path:
        """Where trained weights go, by content of what they were trained with."""
        return self.store.root / "checkpoints"

    def now(self) -> datetime:
        """Return the time of a write."""
        return datetime.now(UTC)

    def watch(self, what: str) -> Callable[[int, int], None]:
        """Return a progress callback for something."""
        return lambda done, total: self.events.progress(what, done, total)
