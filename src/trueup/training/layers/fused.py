"""Norms and gated products as one step of the graph each, which keeps the inputs and no more.

transformers writes an RMS norm as six operations, and silu(gate) * up as two, each of which keeps
what it made for the backward: a third of what a layer keeps.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from trueup.training.layers.remade import can_be_made_again

__all__ = ["fuse", "gated_silu", "rms_norm"]


def fuse(model: nn.Module) -> None:
    """Have the norms and gated products of `model` run so, in place.

    A norm that computes anything else is found out by a probe, and left as it is.

    Args:
        model: a language model of transformers, or a classifier.
    """
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm") and _is_plain(module):
            module.forward = partial(_norm, module)
        elif _is_gated(module):
            module.forward = partial(_gated, module)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """w x / sqrt(mean(x^2) + eps), arXiv:1910.07467 eq. 4: (..., D) and (D,) -> (..., D).

    It is computed in float32, or float64 if `x` is, and given in x's dtype.
    """
    if x.is_cuda:  # torch has kernels of its own there
        return nn.functional.rms_norm(x, weight.shape, weight, eps).to(x.dtype)
    out: Tensor = _RMSNorm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    can_be_made_again(out, partial(rms_norm, x.detach(), weight.detach(), eps))
    return out


def gated_silu(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up, arXiv:2002.05202 eq. 6, elementwise."""
    out: Tensor = _GatedSilu.apply(gate, up)  # type: ignore[no-untyped-call]
    can_be_made_again(out, partial(gated_silu, gate.detach(), up.detach()))
    return out


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        scale = wide.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).mul_(weight).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensors
        normed = x.to(scale.dtype) * scale
        grad = grad.to(scale.dtype)
        grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = (grad * normed).flatten(0, -2).sum(0).to(weight.dtype)
        slope = grad * weight
        # what changes x along itself only changes its size, which the norm takes away
        along = (slope * normed).mean(-1, keepdim=True)
        grad_x = slope.sub_(normed.mul_(along)).mul_(scale).to(x.dtype)
        return grad_x, grad_weight, None


class _GatedSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return nn.functional.silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        grad_gate = torch.ops.aten.silu_backward(grad * up, gate)
        return grad_gate, nn.functional.silu(gate).mul_(grad)


def _norm(module: Any, x: Tensor) -> Tensor:
    return rms_norm(x, module.weight, module.variance_epsilon)


def _gated(module: Any, x: Tensor) -> Tensor:
    out: Tensor = module.down_proj(gated_silu(module.gate_proj(x), module.up_proj(x)))
    return out


def _is_plain(module: Any) -> bool:
    """Say whether a norm is `rms_norm` of its own weight, by what it makes of a probe."""
    if not hasattr(module, "variance_epsilon") or [*dict(module.named_parameters())] != ["weight"]:
        return False
    weight = module.weight
    probe = torch.linspace(-2, 3, len(weight), dtype=weight.dtype, device=weight.device)[None]
    with torch.no_grad():
        return torch.allclose(module(probe), _norm(module, probe), rtol=1e-3, atol=1e-3)


def _is_gated(module: nn.Module) -> bool:
    names = {name for name, _ in module.named_children()}
    silu = type(getattr(module, "act_fn", None)).__name__ in ("SiLU", "SiLUActivation")
    return silu and names == {"gate_proj", "up_proj", "down_proj", "act_fn"}
