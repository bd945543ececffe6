"""What every sampler can do; no torch here, so that any room may name the type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from trueup.types import Completion, Messages

__all__ = ["Progress", "Sampler"]

Progress = Callable[[int, int], None]
"""Called with (answers done, answers in all)."""


class Sampler(Protocol):
    """Draws answers from a model."""

    def sample(
        self,
        prompts: Sequence[Messages],
        *,
        n: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_new_tokens: int = 40,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[list[Completion]]:
        """Return `n` answers to each prompt, in the order given."""
