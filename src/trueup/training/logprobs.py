"""Log-probabilities of given tokens without ever holding the full logits."""

from __future__ import annotations

from contextlib import AbstractContextManager
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
        head = weight.to(_wide(hidden))
        chosen = [head.new_empty(0)]
        norm = [head.new_empty(0)]
        with _no_autocast(hidden):
            for rows, goal in zip(hidden.split(chunk), targets.split(chunk), strict=True):  # type: ignore[no-untyped-call]
                logits = rows.to(head.dtype) @ head.T
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
        head = weight.to(log_norm.dtype)
        grad_hidden = torch.empty_like(hidden) if needs_hidden else None
        grad_head = torch.zeros_like(head) if needs_weight else None
        with _no_autocast(hidden):
            for start in range(0, len(hidden), ctx.chunk):
                part = slice(start, start + ctx.chunk)
                rows, out = hidden[part].to(head.dtype), grad[part, None]
                # d log p(t) / d logits = onehot(t) - softmax, times the incoming gradient.
                slope = (rows @ head.T).sub_(log_norm[part, None]).exp_().mul_(-out)
                slope.scatter_add_(1, targets[part, None], out)
                if grad_hidden is not None:
                    grad_hidden[part] = (slope @ head).to(hidden.dtype)
                if grad_head is not None:
                    grad_head.addmm_(slope.T, rows)
        return grad_hidden, None if grad_head is None else grad_head.to(weight.dtype), None, None


def _wide(hidden: Tensor) -> torch.dtype:
    return torch.float64 if hidden.dtype == torch.float64 else torch.float32


def _no_autocast(like: Tensor) -> AbstractContextManager[Any]:
    """Keep autocast from rounding logits to bf16, which has steps of 0.125 at 20."""
    return torch.autocast(like.device.type, enabled=False)
