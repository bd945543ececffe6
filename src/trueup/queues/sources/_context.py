"""What is known of an item beside what it shows: tool calls made, and what evaluators found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.store import Tx
from trueup.store.scores import steps_and_scores
from trueup.types import Item, Score, ToolCall

__all__ = ["ItemContext", "read_context"]


@dataclass(frozen=True, slots=True)
class ItemContext:
    """What is known of an item's trace.

    Attributes:
        steps: every tool call made, in order, those of the served answer among them.
        scores: of the served answer, by evaluator.
    """

    steps: tuple[ToolCall, ...]
    scores: Mapping[str, Score]

    def blind(self, item: Item) -> ItemContext:
        """Return what may be shown beside several answers whose source nobody is told.

        The calls of the served answer itself are left out, and of scores all but their values: a
        label or a reason would say which of the answers it is about.
        """
        if len(item.answers) == 1:
            return self
        served = item.answer("served")
        own = () if served is None else ToolCall.parse_all(served.text)
        kept = self.steps[: -len(own)] if own and self.steps[-len(own) :] == own else self.steps
        scores = {
            name: Score(name, score.version, score.value)
            for name, score in self.scores.items()
            if score.value is not None
        }
        return ItemContext(kept, scores)


def read_context(tx: Tx, item: Item) -> ItemContext:
    """Return what is known of an item's trace."""
    steps, scores = steps_and_scores(tx, item.trace_id)
    return ItemContext(steps, dict(sorted(scores.items())))
