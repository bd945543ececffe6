"""Linear layers whose weights learn in float32 and multiply in bf16.

Each layer keeps a rounded copy of its weight for as long as the weight stays as it is: once a step,
where autocast would round it in every forward pass. On processors with AVX-512 BF16 and no AMX a
product of bf16 operands is some twice as fast as any of float32 ones, however those are rounded.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["multiply_in"]


def multiply_in(model: nn.Module, dtype: torch.dtype) -> None:
    """Have every linear layer of `model` but its output head multiply in `dtype`, in place.

    Args:
        model: a language model of transformers, or a classifier; its weights stay as they are.
        dtype: of the operands and the results.
    """
    get_head = getattr(model, "get_output_embeddings", None)
    heads = (get_head() if get_head else None, getattr(model, "score", None))
    for layer in model.modules():
        if type(layer) is nn.Linear and not any(layer is head for head in heads):
            layer.forward = partial(_forward, layer, _Rounded(layer.weight, dtype))  # type: ignore[method-assign]


class _Rounded:
    """A weight's copy in another dtype, made anew when the weight has changed."""

    def __init__(self, weight: Tensor, dtype: torch.dtype) -> None:
        self.weight, self.dtype = weight, dtype
        self.version = -1
        self.copy = weight.new_empty(0, dtype=dtype)

    def current(self) -> Tensor:
        if self.version != self.weight._version:
            self.copy, self.version = self.weight.detach().to(self.dtype), self.weight._version
        return self.copy


def _forward(layer: nn.Linear, rounded: _Rounded, x: Tensor) -> Tensor:
    out: Tensor = _Linear.apply(x, layer.weight, layer.bias, rounded.current())  # type: ignore[no-untyped-call]
    return out


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, rounded: Tensor
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(rounded.dtype)
        out = flat @ rounded.T
        if bias is not None:
            out += bias
        ctx.save_for_backward(flat, rounded)
        ctx.dtypes = x.dtype, weight.dtype, None if bias is None else bias.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, rounded = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.dtypes
        out = grad.reshape(-1, grad.shape[-1])
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (out @ rounded).to(of_x).view(*grad.shape[:-1], -1)
        grad_bias = None if of_bias is None else out.sum(0, dtype=of_bias)
        return grad_x, (out.T @ flat).to(of_weight), grad_bias, None
