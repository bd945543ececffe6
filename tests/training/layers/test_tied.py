"""A weight that embeds and reads out has the gradient of both, in the head's own tensor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trueup.training.forward import Forward
from trueup.training.groups import Group
from trueup.training.layers.logprobs import token_logprobs
from trueup.training.layers.tied import TiedHead

IDS = torch.tensor([[3, 1, 4, 1], [5, 0, 2, 6]])


def embedding(padding: int | None = None) -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(9, 4, padding_idx=padding, dtype=torch.float64)


def logps(rows: Tensor, head: Tensor) -> Tensor:
    return token_logprobs(rows.flatten(0, 1).tanh(), head, IDS.flatten())


@pytest.mark.parametrize("padding", [None, 1])
def test_values_and_gradients_are_those_of_a_plain_embedding(padding: int | None) -> None:
    plain, other = embedding(padding), embedding(padding)
    tied = TiedHead(other)
    for _ in range(2):  # the second is added to the first
        expected = logps(plain(IDS), plain.weight)
        found = logps(other(IDS), tied.take())
        assert torch.equal(found, expected)
        for values in (expected, found):
            values.square().sum().backward()
        torch.testing.assert_close(other.weight.grad, plain.weight.grad)


def test_the_gradient_is_the_tensor_that_the_head_made() -> None:
    other = embedding()
    tied = TiedHead(other)
    rows, head = other(IDS), tied.take()
    places = []
    head.register_hook(lambda slope: places.append(slope.data_ptr()))
    logps(rows, head).sum().backward()
    assert other.weight.grad is not None
    assert places == [other.weight.grad.data_ptr()]


def test_rows_alone_and_the_head_alone_have_theirs() -> None:
    plain, other = embedding(), embedding()
    tied = TiedHead(other)
    for module in (plain, other):
        module(IDS).square().sum().backward()
    assert torch.equal(other.weight.grad, plain.weight.grad)
    other(IDS)
    for module, head in ((plain, plain.weight), (other, tied.take())):
        module.zero_grad()
        head.square().sum().backward()
    assert torch.equal(other.weight.grad, plain.weight.grad)
    assert tied.take() is other.weight  # nothing was looked up since


def test_what_does_more_than_look_up_is_left_as_it_is() -> None:
    class Scaled(nn.Embedding):
        def forward(self, ids: Tensor) -> Tensor:
            return 2 * super().forward(ids)

    scaled = Scaled(9, 4)
    tied = TiedHead(scaled)
    assert torch.equal(scaled(IDS), 2 * scaled.weight[IDS])
    assert tied.take() is scaled.weight


@pytest.mark.parametrize("tie", [True, False])
def test_a_model_learns_as_it_would_by_plain_autograd(tie: bool, tiny64: Any) -> None:
    head = tiny64.get_output_embeddings()
    inputs = tiny64.get_input_embeddings()
    head.weight = inputs.weight if tie else nn.Parameter(inputs.weight.detach().flip(0))
    group = Group("a", (3, 5, 7), ((9, 5, 3), (8, 3)))
    Forward(tiny64)([group]).logps.sum().backward()
    found = {name: weight.grad for name, weight in tiny64.named_parameters()}
    tiny64.zero_grad(set_to_none=True)
    vars(inputs).pop("forward", None)
    tiny64.set_attn_implementation("sdpa")
    for tokens in group.completions:
        path = torch.tensor([[*group.prompt, *tokens]])
        told = tiny64(input_ids=path).logits[0, len(group.prompt) - 1 : -1].log_softmax(-1)
        told.gather(1, torch.tensor(tokens)[:, None]).sum().backward()
    for name, weight in tiny64.named_parameters():
        torch.testing.assert_close(found[name], weight.grad)


def test_what_earlier_passes_gave_is_added_to_in_its_place() -> None:
    plain, other = embedding(), embedding()
    tied = TiedHead(other)
    places = []
    for scale in (1.0, 0.5, 2.0):
        rows, head = other(IDS), tied.take()
        found = token_logprobs(
            rows.flatten(0, 1).tanh() * scale, head, IDS.flatten(), chunk=3, leaf=other.weight
        )
        expected = token_logprobs(
            plain(IDS).flatten(0, 1).tanh() * scale, plain.weight, IDS.flatten(), chunk=3
        )
        for values in (found, expected):
            values.square().sum().backward()
        assert other.weight.grad is not None
        places.append(other.weight.grad.data_ptr())
        torch.testing.assert_close(other.weight.grad, plain.weight.grad)
    assert len(set(places)) == 1
