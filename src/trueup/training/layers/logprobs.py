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

    The logits are computed in chunks of rows, so that memory holds chunk x V numbers and not n x V,
    and, where the head learns, again in the backward.

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
    """With the head frozen the slope of each log-prob is taken while its logits are there."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int) -> Tensor:
        head = weight.to(_wide(hidden))
        logps = head.new_empty(len(hidden))
        norm = head.new_empty(len(hidden))
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        at_once = needs_hidden and not needs_weight
        slopes = torch.empty_like(hidden) if at_once else None
        with _no_autocast(hidden):
            for start in range(0, len(hidden), chunk):
                part = slice(start, start + chunk)
                logits = hidden[part].to(head.dtype) @ head.T
                norm[part] = logits.logsumexp(-1)
                logps[part] = logits.gather(1, targets[part, None])[:, 0] - norm[part]
                if slopes is not None:
                    slopes[part] = _slope(logits, norm[part], targets[part], None) @ head
        ctx.save_for_backward(*((slopes,) if at_once else (hidden, weight, targets, norm)))
        ctx.chunk = chunk
        return logps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if len(ctx.saved_tensors) == 1:
            (slopes,) = ctx.saved_tensors
            return (slopes * grad[:, None]).to(slopes.dtype), None, None, None
        hidden, weight, targets, norm = ctx.saved_tensors
        head = weight.to(norm.dtype)
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_head = torch.empty_like(head)
        with _no_autocast(hidden):
            for start in range(0, len(hidden), ctx.chunk):
                part = slice(start, start + ctx.chunk)
                rows = hidden[part].to(head.dtype)
                slope = _slope(rows @ head.T, norm[part], targets[part], grad[part])
                if grad_hidden is not None:
                    grad_hidden[part] = (slope @ head).to(hidden.dtype)
                grad_head.addmm_(slope.T, rows, beta=min(start, 1))
        if not len(hidden):
            grad_head.zero_()
        return grad_hidden, grad_head.to(weight.dtype), None, None


def _slope(logits: Tensor, norm: Tensor, targets: Tensor, grad: Tensor | None) -> Tensor:
    """Turn logits, in place, into d log p(target) / d logits = onehot - softmax, times `grad`."""
    ones = torch.ones_like(norm) if grad is None else grad
    slope = logits.sub_(norm[:, None]).exp_().mul_(-ones[:, None])
    return slope.scatter_add_(1, targets[:, None], ones[:, None])


def _wide(hidden: Tensor) -> torch.dtype:
    return torch.float64 if hidden.dtype == torch.float64 else torch.float32


def _no_autocast(like: Tensor) -> AbstractContextManager[Any]:
    """Keep autocast from rounding logits to bf16, which has steps of 0.125 at 20."""
    return torch.autocast(like.device.type, enabled=False)
