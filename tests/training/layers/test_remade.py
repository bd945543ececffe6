"""What the backward makes again is what was there, and is not kept until then."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from trueup.training.forward import Forward
from trueup.training.groups import Group
from trueup.training.layers.fused import fuse, gated_silu, rms_norm
from trueup.training.layers.linear import multiply_in
from trueup.training.layers.lora import add_adapters
from trueup.training.layers.remade import can_be_made_again, follows, remaking

GROUPS = [
    Group("a", (3, 5, 7, 11, 13), ((17, 19), (23, 29, 31))),
    Group("b", (2, 4, 6, 8), ((10, 12, 14), (16,))),
]


def normed(x: torch.Tensor) -> torch.Tensor:
    return rms_norm(x, torch.ones(8), 1e-5)


def gated(x: torch.Tensor) -> torch.Tensor:
    return gated_silu(x, x + 1)


@pytest.mark.parametrize("made", [normed, gated])
@pytest.mark.parametrize("again", [True, False])
def test_what_a_layer_reads_is_kept_only_where_it_is_not_made_again(made: Any, again: bool) -> None:
    layer = nn.Linear(8, 3, bias=False)
    x = torch.randn(2, 4, 8, requires_grad=True)
    with remaking() if again else nullcontext():
        read = made(x)
        out = layer(read)
        kept = StorageWeakRef(read.untyped_storage())
        del read
    assert kept.expired() == again
    out.square().sum().backward()
    slopes = [x.grad, layer.weight.grad]
    x.grad = layer.weight.grad = None
    layer(made(x)).square().sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(slopes, [x.grad, layer.weight.grad], strict=True))


@pytest.mark.parametrize("kind", ["all", "bf16", "adapters", "dora"])
def test_a_model_learns_the_same_to_the_last_bit(
    kind: str, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Forward(tiny)
    fuse(tiny)
    if kind == "bf16":
        multiply_in(tiny, torch.bfloat16)
    elif kind != "all":
        add_adapters(tiny, rank=2, alpha=4, dora=kind == "dora")
        for name, parameter in tiny.named_parameters():
            if "lora_B" in name:
                nn.init.normal_(parameter, std=0.1)

    def slopes() -> list[torch.Tensor]:
        tiny.zero_grad(set_to_none=True)
        forward(GROUPS).logps.sum().backward()
        return [copy.copy(p.grad) for p in tiny.parameters() if p.grad is not None]

    calls: list[int] = []
    again = slopes()
    monkeypatch.setattr("trueup.training.forward.remaking", lambda: nullcontext(calls.append(1)))
    kept = slopes()
    assert calls
    assert len(again) == len(kept) > 0
    assert all(torch.equal(one, other) for one, other in zip(again, kept, strict=True))


def test_a_further_step_is_made_after_the_first() -> None:
    x = torch.randn(4, 8, requires_grad=True)
    layer = nn.Linear(8, 3, bias=False).bfloat16()
    with remaking():
        read = normed(x)
        rounded = read.bfloat16()
        follows(rounded, read, lambda made: made.bfloat16())
        follows(torch.zeros(2), x, lambda made: made)  # x itself is nobody's result
        out = layer(rounded)
        kept = [StorageWeakRef(each.untyped_storage()) for each in (read, rounded)]
        del read, rounded
    assert all(each.expired() for each in kept)
    out.sum().backward()
    expected = normed(x.detach()).bfloat16().sum(0)
    assert torch.equal(layer.weight.grad, expected.expand(3, -1))


def test_of_several_results_the_last_is_made_again_and_nothing_without_a_pass() -> None:
    layer = nn.Linear(8, 3, bias=False)
    x = torch.randn(4, 8, requires_grad=True)
    can_be_made_again(x, lambda: pytest.fail("there is no pass"))
    with remaking():
        first, second = normed(x), normed(2 * x)
        out = layer(first) + layer(second)
        kept = [StorageWeakRef(each.untyped_storage()) for each in (first, second)]
        del first, second
    assert [each.expired() for each in kept] == [False, True]
    out.sum().backward()
    assert torch.isfinite(x.grad).all()
