"""What a judge has asked and what it cost, with a cap that is never exceeded."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Ledger", "Prices", "Usage"]

Prices = tuple[float, float]
"""US dollars for a million tokens: of what is asked, and of what is answered."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """What a judge did so far.

    Attributes:
        asked: questions that were sent; retries of one count once.
        cached: verdicts that were kept from before.
        void: questions that brought no verdict: refused, cut off, malformed, unanswered, capped.
        prompt_tokens, completion_tokens: as the server counted them.
        cost: US dollars; None where prices are not known.
        compared: pairs that were judged in both orders.
        swayed: of those, pairs where the order decided; they are ties.
    """

    asked: int = 0
    cached: int = 0
    void: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    compared: int = 0
    swayed: int = 0


class Ledger:
    """Adds up what is asked, and keeps what is spent under a cap; threads may share it.

    The most that a question can cost is set aside before it is asked, and what it did cost is
    booked when it is answered, so that questions under way together do not exceed the cap.
    """

    def __init__(self, prices: Prices | None, cap: float | None) -> None:
        self._prices, self._cap = prices, cap
        self._lock = threading.Lock()
        self._usage = Usage(cost=None if prices is None else 0.0)
        self._set_aside = 0.0
        self._full = False

    @property
    def usage(self) -> Usage:
        """What was done so far."""
        return self._usage

    def most(self, prompt_bytes: int, max_tokens: int) -> float:
        """Return the most that a question can cost: a token has at least one byte."""
        return self._price(prompt_bytes, max_tokens) or 0.0

    def set_aside(self, most: float) -> bool:
        """Set aside the most that a question can cost; tell whether the cap has room for it.

        Once it had none it has none any more: that later and shorter texts still fit would choose
        what is judged by its length.
        """
        with self._lock:
            spent = self._usage.cost or 0.0
            if self._cap is not None and spent + self._set_aside + most > self._cap:
                self._full = True
            if not self._full:
                self._set_aside += most
            return not self._full

    def book(self, most: float, used: Mapping[str, Any] | None) -> float | None:
        """Book a question that was answered; return its cost.

        Args:
            most: what was set aside for it.
            used: the tokens that the server counted; without them all that was set aside counts
                as spent, and the cost is not known.
        """
        asked, answered = (
            (int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0))
            if used
            else (0, 0)
        )
        cost = self._price(asked, answered) if used else None
        with self._lock:
            before, self._set_aside = self._usage, self._set_aside - most
            spent = None if before.cost is None else before.cost + (most if cost is None else cost)
            self._usage = replace(
                before,
                prompt_tokens=before.prompt_tokens + asked,
                completion_tokens=before.completion_tokens + answered,
                cost=spent,
            )
        return cost

    def give_back(self, most: float) -> None:
        """Undo `set_aside` for a question that nobody answered."""
        with self._lock:
            self._set_aside -= most

    def count(self, **more: int) -> None:
        """Add to the counts of that name."""
        with self._lock:
            before = self._usage
            self._usage = replace(before, **{n: getattr(before, n) + k for n, k in more.items()})

    def _price(self, asked: int, answered: int) -> float | None:
        if self._prices is None:
            return None
        return (asked * self._prices[0] + answered * self._prices[1]) / _MILLION
