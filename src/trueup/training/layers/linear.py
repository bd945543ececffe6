"""Linear layers whose weights learn in float32 and multiply in bf16.

Each layer keeps a rounded copy of its weight for as long as the weight stays as it is: once a step,
where autocast would round it in every forward pass. On processors with AVX-512 BF16 and no AMX a
product of bf16 operands is some twice as fast as any of float32 ones, however those are rounded.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from trueup.training.layers.remade import follows

__all__ = ["Cast", "multiply_in"]


def multiply_in(model: nn.Module, dtype: torch.dtype, *, keep: bool = True) -> None:
    """Have every linear layer of `model` but its output head multiply in `dtype`, in place.

    Args:
        model: a language model of transformers, or a classifier; its weights stay as they are.
        dtype: of the operands and the results.
        keep: the rounded copies from pass to pass; else each is made when it is needed, which
            costs time and no memory.
    """
    get_head = getattr(model, "get_output_embeddings", None)
    heads = (get_head() if get_head else None, getattr(model, "score", None))
    cast = Cast(dtype)
    for layer in model.modules():
        if type(layer) is nn.Linear and not any(layer is head for head in heads):
            rounded = _Rounded(layer.weight, dtype) if keep else None
            layer.forward = partial(_forward, layer, rounded, cast)  # type: ignore[method-assign]


class Cast:
    """A cast that layers share which read the same tensor one after another, as q, k and v do.

    It is made once, kept for the backward once, and has its gradients added up in its own dtype.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.given: Callable[[], Tensor | None] = lambda: None
        self.made: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Return `x` in the dtype."""
        if self.made is None or self.given() is not x:
            self.given, self.made = weakref.ref(x), x.to(self.dtype)
            follows(self.made, x, lambda made: made.to(self.dtype))
        return self.made


class _Rounded:
    """A weight's copy in another dtype, made anew when the weight has changed."""

    def __init__(self, weight: Tensor, dtype: torch.dtype) -> None:
        self.weight, self.version = weight, weight._version
        self.copy = weight.detach().to(dtype)

    def current(self) -> Tensor:
        if self.version != self.weight._version:
            # in its place: new ones between a pass's tensors would leave holes that do not fit
            self.copy.copy_(self.weight.detach())
            self.version = self.weight._version
        return self.copy


def _forward(layer: nn.Linear, rounded: _Rounded | None, cast: Cast, x: Tensor) -> Tensor:
    copy = rounded.current() if rounded else layer.weight.detach()
    out: Tensor = _Linear.apply(cast(x), layer.weight, layer.bias, copy)  # type: ignore[no-untyped-call]
    return out


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, rounded: Tensor
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        out = flat @ rounded.to(x.dtype).T
        if bias is not None:
            out += bias
        ctx.save_for_backward(flat, rounded)
        ctx.dtypes = weight.dtype, None if bias is None else bias.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, rounded = ctx.saved_tensors
        of_weight, of_bias = ctx.dtypes
        out = grad.reshape(-1, grad.shape[-1])
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (out @ rounded.to(out.dtype)).view(*grad.shape[:-1], -1)
        grad_bias = None if of_bias is None else out.sum(0, dtype=of_bias)
        return grad_x, (out.T @ flat).to(of_weight), grad_bias, None
