from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from trueup.errors import TrainingError
from trueup.training.forward import Forward
from trueup.training.groups import Group
from trueup.training.layers.lora import add_adapters, lora_linear


def make(bias: bool = True) -> list[Any]:
    generator = torch.Generator().manual_seed(4)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    x, a, b = draw(2, 3, 5), draw(2, 5), draw(7, 2)
    return [x.requires_grad_(), draw(7, 5), draw(7) if bias else None, a.requires_grad_(), b]


@pytest.mark.parametrize("bias", [True, False])
def test_gradcheck(bias: bool) -> None:
    x, weight, offset, a, b = make(bias)
    b.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, a, b: lora_linear(x, lambda: weight, offset, a, b, 0.7), (x, a, b)
    )


def test_equals_the_sum_of_the_weights() -> None:
    x, weight, bias, a, b = make()
    whole = torch.nn.functional.linear(x, weight + 0.7 * b @ a, bias)
    torch.testing.assert_close(lora_linear(x, lambda: weight, bias, a, b, 0.7), whole)


def test_an_input_without_gradient_gets_none() -> None:
    x, weight, bias, a, b = make()
    x = x.detach()
    lora_linear(x, lambda: weight, bias, a, b, 1.0).sum().backward()
    assert x.grad is None
    assert a.grad is not None


def test_the_model_computes_what_pefts_own_layers_would(tiny64: Any) -> None:
    ours = add_adapters(tiny64, rank=3, alpha=6)
    learning = [p for p in ours.parameters() if p.requires_grad]
    assert len(learning) == 2 * 7 * 2, "seven linear layers in each of two blocks"
    with torch.no_grad():
        for p in learning:
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(5)) * 0.1)
    theirs = copy.deepcopy(ours)
    for layer in theirs.modules():
        layer.__dict__.pop("forward", None)
    ids = torch.arange(3, 40)[None]
    one, other = ours(ids).logits, theirs(ids).logits
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    mine = torch.autograd.grad(one.square().mean(), learning)
    other_learning = [p for p in theirs.parameters() if p.requires_grad]
    for a, b in zip(mine, torch.autograd.grad(other.square().mean(), other_learning), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    merged = ours.merge_and_unload()(ids).logits
    torch.testing.assert_close(merged, other, rtol=1e-9, atol=1e-9)


def test_low_precision_layers_keep_their_weights_and_stay_near(tiny: Any) -> None:
    forward = Forward(tiny)
    group = [Group("", tuple(range(3, 20)), (tuple(range(20, 30)), tuple(range(30, 40))))]
    exact = forward(group).logps
    wrapped = add_adapters(tiny, rank=2, alpha=4, dtype=torch.bfloat16)
    assert {p.dtype for p in wrapped.parameters()} == {torch.float32}
    low = forward(group).logps
    assert low.dtype == torch.float32
    assert not torch.equal(low, exact)
    assert (low - exact).norm() < 0.03 * exact.norm()
    low.sum().backward()
    assert all(p.grad.dtype == torch.float32 for p in wrapped.parameters() if p.requires_grad)
    wrapped.merge_and_unload()
    torch.testing.assert_close(forward(group).logps, exact)


def test_what_peft_refuses_is_one_line() -> None:
    from transformers import MixtralConfig, MixtralForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = MixtralConfig(vocab_size=64, num_local_experts=2, **sizes, **heads)
    with pytest.raises(TrainingError, match=r"^dora cannot be put on this model \(.*\); try it"):
        add_adapters(MixtralForCausalLM(config), rank=4, alpha=8, dora=True)
