"""Log-probabilities of given tokens without ever holding the full logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from trueup.training._precision import as_written

__all__ = ["token_logprobs"]

CHUNK = {"cpu": 128, "cuda": 2048}
"""Rows of logits that exist at once; 128 x 49,152 in float32 is 25 MB.

Beyond 32 MB glibc would ask the system for them anew each time, and its zeroed pages cost time that
shows beside the product that fills them.
"""

SLICE = 8192
"""Tokens of the vocabulary whose slopes and weights are rounded to bf16 at once."""


def token_logprobs(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    chunk: int | None = None,
    *,
    leaf: Tensor | None = None,
) -> Tensor:
    """Log-probability of each target under softmax(hidden @ weight.T).

    The logits are computed in chunks of rows, so that memory holds chunk x V numbers and not n x V,
    and, where the head learns, again in the backward.

    Args:
        hidden: (n, D) last hidden states.
        weight: (V, D) of the output head.
        targets: (n,) token ids.
        chunk: rows of logits at a time; changes no value. None means as `CHUNK` has it.
        leaf: whose gradient `weight`'s becomes part of. What it has from earlier passes is added to
            in its place, and taken from it until the backward gives it the sum.

    Returns:
        (n,) in float32, or float64 if `hidden` is.
    """
    rows = chunk or CHUNK.get(hidden.device.type, 2048)
    out: Tensor = _TokenLogprobs.apply(hidden, weight, targets, rows, leaf)  # type: ignore[no-untyped-call]
    return out


class _TokenLogprobs(torch.autograd.Function):
    """With the head frozen the slope of each log-prob is taken while its logits are there."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int, leaf: Tensor | None
    ) -> Tensor:
        head = weight.to(_wide(hidden))
        product = _product_with(head)
        logps = head.new_empty(len(hidden))
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        at_once = needs_hidden and not needs_weight
        slopes = torch.empty_like(hidden) if at_once else None
        with as_written(hidden):  # bf16 has steps of 0.125 at 20
            for start in range(0, len(hidden), chunk):
                part = slice(start, start + chunk)
                logits = product(hidden[part].to(head.dtype))
                logps[part] = _normalize(logits, targets[part])
                if slopes is not None:
                    slopes[part] = _with_head(_falling(logits, targets[part]), head).neg_()
        ctx.save_for_backward(*((slopes,) if at_once else (hidden, weight, targets)))
        ctx.chunk, ctx.leaf = chunk, leaf
        return logps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if len(ctx.saved_tensors) == 1:
            (slopes,) = ctx.saved_tensors
            return (slopes * grad[:, None]).to(slopes.dtype), None, None, None, None
        hidden, weight, targets = ctx.saved_tensors
        head = weight.to(grad.dtype)
        product = _product_with(head)
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        before = _taken_from(ctx.leaf, head.dtype)
        grad_head = torch.empty_like(head) if before is None else before
        with as_written(hidden):
            for start in range(0, len(hidden), ctx.chunk):
                part = slice(start, start + ctx.chunk)
                rows, by = hidden[part].to(head.dtype), grad[part, None]
                logits = product(rows)
                torch.softmax(logits, -1, out=logits)
                falling = _falling(logits, targets[part])
                if grad_hidden is not None:
                    grad_hidden[part] = (_with_head(falling, head) * -by).to(hidden.dtype)
                kept = 0 if start == 0 and before is None else 1
                grad_head.addmm_(falling.T, rows * by, beta=kept, alpha=-1)
        if not len(hidden) and before is None:
            grad_head.zero_()
        return grad_hidden, grad_head.to(weight.dtype), None, None, None


def _taken_from(leaf: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Return the gradient that a leaf has so far, and take it from there; None if it has none.

    Beside it a second tensor of the vocabulary's size would be there while all that the backward
    reads is.
    """
    if leaf is None or not leaf.is_leaf or leaf.grad is None or leaf.grad.dtype != dtype:
        return None
    taken, leaf.grad = leaf.grad, None
    return taken


def _normalize(logits: Tensor, targets: Tensor) -> Tensor:
    """Turn logits into probabilities, in place, and return the log of the targets'.

    A target's own probability may be too small to be a number; the likeliest token's is not.
    """
    above = logits.gather(1, targets[:, None])[:, 0] - logits.amax(-1)
    torch.softmax(logits, -1, out=logits)
    return above + logits.amax(-1).log()


def _falling(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Turn them, in place, into -d log p(target) / d logits = softmax - onehot."""
    ones = probabilities.new_ones(len(targets), 1)
    return probabilities.scatter_add_(1, targets[:, None], -ones)


def _with_head(falling: Tensor, head: Tensor) -> Tensor:
    """Return falling @ head, in bf16 where a CPU multiplies so."""
    exact = torch.get_float32_matmul_precision() != "medium" or falling.dtype != torch.float32
    if exact or falling.is_cuda:
        return falling @ head
    out = falling.new_zeros(len(falling), head.shape[1])
    for start in range(0, len(head), SLICE):
        part = slice(start, start + SLICE)
        out += falling[:, part].bfloat16() @ head[part].bfloat16()
    return out


def _product_with(head: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what takes (n, D) rows to (n, V) logits.

    Where a GPU would round float32 operands to TF32, which moves log-probs by some 1e-3, each is
    written as the sum of two in bf16: three products on the bf16 units, added up in float32 as one,
    are twenty times nearer and take half as long again.
    """
    exact = torch.get_float32_matmul_precision() == "highest" or head.dtype != torch.float32
    if exact or not head.is_cuda:
        return lambda rows: rows @ head.T
    high, low = _halves(head)
    weights = torch.cat([high, low, high], dim=1).T

    def product(rows: Tensor) -> Tensor:
        high, low = _halves(rows)
        logits: Tensor = torch.mm(
            torch.cat([high, high, low], dim=1), weights, out_dtype=torch.float32
        )
        return logits

    return product


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return two bf16 tensors whose sum is `x` to some sixteen bits."""
    high = x.bfloat16()
    return high, (x - high).bfloat16()


def _wide(hidden: Tensor) -> torch.dtype:
    return torch.float64 if hidden.dtype == torch.float64 else torch.float32
