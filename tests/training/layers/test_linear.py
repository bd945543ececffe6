from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from trueup.training.layers.linear import multiply_in


@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_a_plain_layer(bias: bool) -> None:
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(5, 4, bias=bias), torch.nn.Linear(4, 3)).double()
    other = copy.deepcopy(plain)
    multiply_in(other, torch.float64)
    x, y = (torch.randn(2, 7, 5, dtype=torch.float64).requires_grad_(True) for _ in range(2))
    y.data.copy_(x.data)
    for model, given in ((plain, x), (other, y)):
        model(given).square().sum().backward()
    torch.testing.assert_close(other(y), plain(x))
    torch.testing.assert_close(y.grad, x.grad)
    for one, two in zip(other.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)


def test_a_weight_that_has_changed_is_rounded_again() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 4, bias=False))
    multiply_in(model, torch.bfloat16)
    x = torch.randn(3, 4)
    model(x)
    with torch.no_grad():
        model[0].weight.mul_(3)
    expected = x.bfloat16() @ model[0].weight.detach().bfloat16().T
    assert torch.equal(model(x).detach(), expected)
    with torch.no_grad():
        model[0].weight.copy_(torch.zeros(4, 4))
    assert not model(x).any()


def test_the_output_head_is_left_alone(tiny: Any) -> None:
    multiply_in(tiny, torch.bfloat16)
    assert "forward" not in vars(tiny.get_output_embeddings())
    assert "forward" in vars(tiny.model.layers[0].mlp.up_proj)
