"""An embedding whose weight is the output head's too.

Autograd would keep the head's gradient of that weight from the beginning of the backward to its
end, make the embedding's, and then a third tensor of their sum: each of V x D numbers, of which the
embedding changes one row a token.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["TiedHead"]


class TiedHead:
    """The output head of a model, as the last look-up in the embedding that it shares gave it.

    Args:
        embedding: looks up through this from now on; a subclass, which may do more than look up,
            is left as it is.
    """

    def __init__(self, embedding: nn.Embedding) -> None:
        self._embedding = embedding
        self._head: Tensor | None = None
        if type(embedding) is nn.Embedding:
            embedding.forward = self._look_up  # type: ignore[method-assign,assignment]

    def take(self) -> Tensor:
        """Return the head's (V, D) weight, for the log-probs of what was looked up last."""
        head, self._head = self._head, None
        return self._embedding.weight if head is None else head

    def _look_up(self, ids: Tensor) -> Tensor:
        weight, padding = self._embedding.weight, self._embedding.padding_idx
        rows: Tensor
        rows, self._head = _LookUp.apply(weight, ids, padding)  # type: ignore[no-untyped-call]
        return rows


class _LookUp(torch.autograd.Function):
    """(V, D), (...) ids -> (..., D) rows, and the weight again, for the head to come here by."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, ids: Tensor, padding: int | None
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(ids)
        ctx.padding = padding
        return nn.functional.embedding(ids, weight), weight.view_as(weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_rows: Tensor, of_head: Tensor) -> tuple[Tensor, None, None]:
        (ids,) = ctx.saved_tensors
        flat, rows = ids.flatten(), of_rows.flatten(0, -2)
        if ctx.padding is not None:
            rows = rows.masked_fill((flat == ctx.padding)[:, None], 0)
        # in place: the head made it for this, and nobody else reads it
        return of_head.index_add_(0, flat, rows), None, None
