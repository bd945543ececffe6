"""What the loop needs of the application whose model it improves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, Protocol

from trueup.release.replay import Request
from trueup.types import Completion, Example, Item, Label, Trace

__all__ = ["Application", "RequestSet"]

RequestSet = Literal["train", "validation", "replay"]
"""What is recorded and learnt from, what recipes are chosen on, and what the gate judges by."""


class Application(Protocol):
    """An application in front of a model: what it is asked, and what becomes of an answer."""

    @property
    def name(self) -> str:
        """A name for traces and requests, such as "claims"."""

    def seed_examples(self, seed: int) -> list[Example]:
        """Return what the deployed model was trained on before it met its users."""

    def requests(self, which: RequestSet, seed: int) -> list[Request]:
        """Return the requests of one set; no two sets share a conversation, phrasing or fact."""

    def trace(
        self,
        request: Request,
        completion: Completion,
        *,
        id: str,
        model: str,
        started_at: datetime,
        latency_ms: float,
    ) -> Trace:
        """Carry an answer's tool calls out and return the whole as a trace."""

    def simulated_labels(
        self, items: Sequence[Item], *, overlap: int, seed: int
    ) -> Iterator[tuple[str, str, Label]]:
        """Yield (item id, reviewer, label) as the demo's made-up reviewers would give them."""
