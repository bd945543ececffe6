"""Low-rank adapters (arXiv:2106.09685) on every linear layer of attention and MLP, through peft.

peft holds, saves and merges the adapters. Their forward and backward run as one autograd function
per layer, which adds the low-rank product in place and keeps nothing but its input, where peft's
own is a chain of five operations that each write a new activation.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from trueup.errors import TrainingError
from trueup.training.layers.linear import Cast
from trueup.training.layers.quantized import Quantized

__all__ = ["add_adapters", "lora_linear"]


def add_adapters(
    model: Any,
    *,
    rank: int,
    alpha: float,
    dtype: torch.dtype | None = None,
    dora: bool = False,
    qlora: bool = False,
    keep: bool = True,
) -> Any:
    """Put fresh adapters on `model`, in place, and freeze everything else.

    Args:
        model: a causal language model of transformers, or a classifier, whose `score` learns too.
        rank: r, inner size of each adapter.
        alpha: the adapters' product is scaled by alpha / r.
        dtype: in which the layers compute, while the weights themselves and the adapters stay as
            they are. None means the weights' own.
        dora: adapt sizes and directions apart (arXiv:2402.09353), by peft's own layers.
        qlora: hold the frozen weights in four bits; `dequantize` makes them whole again.
        keep: copies of the frozen weights in `dtype` from pass to pass; else each is made when it
            is needed, which costs time and no memory.

    Returns:
        peft's wrapper around `model`, which saves and merges the adapters.

    Raises:
        TrainingError: peft cannot adapt the model's layers, or weights are to be in four bits and
            bitsandbytes is not there.
    """
    # on import it tells of a kernel for products in four bits, which nothing here computes
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    from peft import LoraConfig, get_peft_model
    from peft.tuners.lora import Linear

    config = LoraConfig(
        task_type="SEQ_CLS" if hasattr(model, "score") else "CAUSAL_LM",
        r=rank,
        lora_alpha=alpha,
        use_dora=dora,
        target_modules="all-linear",
    )
    with warnings.catch_warnings():
        # peft asks transformers under a name that the latter has renamed.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing")
        try:
            wrapped = get_peft_model(model, config)
        except ValueError as error:  # layers that peft cannot adapt, or not in this way
            told = " ".join(str(error).split()).rstrip(".")
            raise TrainingError(
                f"{'dora' if dora else 'adapters'} cannot be put on this model ({told}); "
                f"{'try it without, or ' if dora else ''}train all weights, --full"
            ) from error
    cast = Cast(dtype or model.dtype)
    for layer in wrapped.modules() if not dora else ():
        if type(layer) is Linear and type(layer.base_layer) is nn.Linear:
            weight = Quantized(layer.base_layer) if qlora else _weight_of(layer, dtype, keep)
            layer.forward = partial(_forward, layer, weight, cast)
    return wrapped


def lora_linear(
    x: Tensor,
    weight: Callable[[], Tensor],
    bias: Tensor | None,
    a: Tensor,
    b: Tensor,
    scale: float,
) -> Tensor:
    """x @ (W + scale B A).T + bias, without forming the sum of the weights.

    Args:
        x: (..., I).
        weight: returns the frozen (O, I) W, here and again in the backward; products and result
            are in x's dtype.
        bias: (O,), frozen, or None.
        a: (r, I).
        b: (O, r).
        scale: alpha / r.

    Returns:
        (..., O).
    """
    out: Tensor = _LoraLinear.apply(x, weight, bias, a, b, scale)  # type: ignore[no-untyped-call]
    return out


def _weight_of(layer: Any, dtype: torch.dtype | None, keep: bool) -> Callable[[], Tensor]:
    if keep:
        copy: Tensor = layer.base_layer.weight.detach().to(dtype)
        return lambda: copy
    return lambda: layer.base_layer.weight.detach()  # whichever the layer has then


def _forward(layer: Any, weight: Callable[[], Tensor], cast: Cast, x: Tensor) -> Tensor:
    (name,) = layer.active_adapters
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    return lora_linear(cast(x), weight, layer.base_layer.bias, a, b, layer.scaling[name])


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Callable[[], Tensor],
        bias: Tensor | None,
        a: Tensor,
        b: Tensor,
        scale: float,
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        low = flat @ a.to(x.dtype).T
        out = flat @ weight().to(x.dtype).T
        out.addmm_(low, b.to(x.dtype).T, alpha=scale)
        if bias is not None:
            out += bias
        ctx.save_for_backward(flat, a, b, low)
        ctx.weight, ctx.scale = weight, scale
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, a, b, low = ctx.saved_tensors
        out = grad.reshape(-1, grad.shape[-1])
        low_grad = (out @ b.to(out.dtype)).mul_(ctx.scale)
        grad_a = low_grad.T @ flat
        grad_b = (out.T @ low).mul_(ctx.scale)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (out @ ctx.weight().to(out.dtype)).addmm_(low_grad, a.to(out.dtype))
            grad_x = grad_x.view(*grad.shape[:-1], -1)
        return grad_x, None, None, grad_a.to(a.dtype), grad_b.to(b.dtype), None
