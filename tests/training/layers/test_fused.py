from __future__ import annotations

import copy
from typing import Any

import torch

from trueup.training.layers.fused import fuse, gated_silu, rms_norm


def test_gradients_are_those_of_the_formulas() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (
        torch.randn(3, 4, 5, dtype=torch.float64, generator=generator).requires_grad_(True)
        for _ in range(2)
    )
    weight = torch.randn(5, dtype=torch.float64, generator=generator).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda a, w: rms_norm(a, w, 1e-3), (x, weight))
    assert torch.autograd.gradcheck(gated_silu, (x, y))
    expected = weight * x / (x.square().mean(-1, keepdim=True) + 1e-3).sqrt()
    torch.testing.assert_close(rms_norm(x, weight, 1e-3), expected)
    torch.testing.assert_close(gated_silu(x, y), x * x.sigmoid() * y)


def test_a_model_computes_the_same_and_learns_the_same(tiny: Any) -> None:
    fused = copy.deepcopy(tiny)
    fuse(fused)
    layer = fused.model.layers[0]
    for module in (layer.mlp, layer.input_layernorm, fused.model.norm):
        assert "forward" in vars(module)
    ids = torch.arange(5, 17)[None]
    for model in (tiny, fused):
        model(input_ids=ids, labels=ids).loss.backward()
    torch.testing.assert_close(fused(input_ids=ids).logits, tiny(input_ids=ids).logits)
    for one, other in zip(fused.parameters(), tiny.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_what_computes_something_else_is_left_alone(tiny: Any) -> None:
    from transformers.models.gemma.modeling_gemma import GemmaRMSNorm

    class ShiftedRMSNorm(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.variance_epsilon = torch.nn.Parameter(torch.ones(8)), 1e-6

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return rms_norm(x, 1 + self.weight, self.variance_epsilon)

    tiny.model.layers[0].mlp.act_fn = torch.nn.GELU()
    odd = torch.nn.ModuleList([GemmaRMSNorm(8), ShiftedRMSNorm(), tiny.model.layers[0].mlp])
    fuse(odd)
    assert not any("forward" in vars(module) for module in odd)
