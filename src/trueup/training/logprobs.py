"""Log-probabilities of given tokens without ever holding the full logits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["token_logprobs"]

CHUNK = 256
"""Rows of logits that exist at once; 256 x 49,152 in float32 is 50 MB."""


def token_logprobs(hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int = CHUNK) -> Tensor:
    """Log-probability of each target under softmax(hidden @ weight.T).

    The logits are computed in chunks of rows and again in the backward, so that memory holds
    chunk x V numbers and not n x V.

    Args:
        hidden: (n, D) last hidden states.
        weight: (V, D) of the output head.
        targets: (n,) token ids.
        chunk: rows of logits at a time; changes no value.

    Returns:
        (n,) in float32, or float64 if `hidden` is.
    """
    out: Tensor = _TokenLogprobs.apply(hidden, weight, targets, chunk)  # type: ignore[no-untyped-call]
    return out


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> Tensor:
        chosen, norm = [], []
        for rows, goal in zip(hidden.split(chunk), targets.split(chunk), strict=True):  # type: ignore[no-untyped-call]
            logits = _logits(rows, weight)
            norm.append(logits.logsumexp(-1))
            chosen.append(logits.gather(1, goal[:, None])[:, 0])
        log_norm = torch.cat(norm)
        ctx.save_for_backward(hidden, weight, targets, log_norm)
        ctx.chunk = chunk
        return torch.cat(chosen) - log_norm

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, log_norm = ctx.saved_tensors
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        grad_hidden = []
        grad_weight = torch.zeros_like(weight, dtype=log_norm.dtype) if needs_weight else None
        parts = (x.split(ctx.chunk) for x in (hidden, targets, log_norm, grad))
        for rows, goal, norm, out in zip(*parts, strict=True):
            # d log p(t) / d logits = onehot(t) - softmax, times the incoming gradient.
            slope = _logits(rows, weight).sub_(norm[:, None]).exp_().mul_(-out[:, None])
            slope.scatter_add_(1, goal[:, None], out[:, None])
            if needs_hidden:
                grad_hidden.append(slope.to(weight.dtype) @ weight)
            if grad_weight is not None:
                grad_weight.addmm_(slope.T, rows.to(slope.dtype))
        return (
            torch.cat(grad_hidden).to(hidden.dtype) if needs_hidden else None,
            None if grad_weight is None else grad_weight.to(weight.dtype),
            None,
            None,
        )


def _logits(rows: Tensor, weight: Tensor) -> Tensor:
    """Return (chunk, V) logits in float32, or float64 where the rows are."""
    wide = torch.float64 if rows.dtype == torch.float64 else torch.float32
    return (rows.to(weight.dtype) @ weight.T).to(wide)
