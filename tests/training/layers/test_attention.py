from __future__ import annotations

import pytest
import torch

from trueup.training.layers import tree as tree_module
from trueup.training.layers.attention import (
    dense_tree_attention,
    masked_attention,
    tree_attention,
)
from trueup.training.layers.tree import build_tree


def random_heads(batch: int, m: int, n: int, heads: int = 4, key_heads: int = 2) -> list:
    generator = torch.Generator().manual_seed(0)
    shapes = [(batch, m, heads, 8), (batch, n, key_heads, 8), (batch, n, key_heads, 8)]
    return [
        torch.randn(s, dtype=torch.float64, generator=generator, requires_grad=True) for s in shapes
    ]


def test_equals_the_library_attention_with_gradients() -> None:
    q, k, v = random_heads(3, 5, 7)
    mask = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(1)) > 0.5
    whole = torch.cat([torch.ones(3, 5, 3, dtype=torch.bool), mask], dim=2)
    ours = masked_attention(q, k, v, mask, 0.3)
    theirs = torch.nn.functional.scaled_dot_product_attention(
        q.transpose(1, 2),
        k.transpose(1, 2),
        v.transpose(1, 2),
        whole[:, None],
        scale=0.3,
        enable_gqa=True,
    ).transpose(1, 2)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    seed = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, [q, k, v], seed),
        torch.autograd.grad(theirs, [q, k, v], seed),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_autocast_rounds_neither_scores_nor_their_slopes() -> None:
    """As on a GPU: queries and keys stay float32 behind the rotary embedding, values are bf16."""
    q, k, v = (part.detach() for part in random_heads(2, 5, 7))
    parts = [q.float(), k.float(), v.bfloat16()]
    mask = torch.ones(2, 5, 4, dtype=torch.bool).tril()
    seed = torch.randn(2, 5, 4, 8).bfloat16()
    found = []
    for cast in (False, True):
        leaves = [part.clone().requires_grad_() for part in parts]
        with torch.autocast("cpu", torch.bfloat16, enabled=cast):
            out = masked_attention(*leaves, mask, 3.0)
            found.append((out, *torch.autograd.grad(out, leaves, seed)))
    for plain, under in zip(*found, strict=True):
        assert plain.dtype == under.dtype
        assert torch.equal(plain, under)


def test_gradcheck() -> None:
    q, k, v = random_heads(2, 3, 4)
    mask = torch.tensor([[1, 0, 0, 1], [1, 1, 0, 0], [1, 1, 1, 1]]).bool().expand(2, 3, 4)
    assert torch.autograd.gradcheck(lambda *x: masked_attention(*x, mask, 0.5), (q, k, v))


@pytest.mark.parametrize(
    "paths",
    [
        [(1, 2, 3, 4)],
        [(1, 2), (3, 4, 5)],
        [(1, 2, 3), (1, 2, 4, 5), (1, 6), (1, 6, 7, 8)],
    ],
)
@pytest.mark.parametrize("call", [0, 4_000], ids=["pieces", "batch"])
def test_a_tree_equals_each_sequence_alone(
    paths: list[tuple[int, ...]], call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_module, "CALL", call)
    tree = build_tree(paths, least_shared=1)
    parts = [x[0].transpose(0, 1)[None] for x in random_heads(1, tree.size, tree.size)]
    out, _ = tree_attention(torch.nn.Identity(), *parts, None, tree=tree)
    dense = dense_tree_attention(*parts, tree, parts[0].shape[-1] ** -0.5)
    torch.testing.assert_close(dense.transpose(1, 2), out, rtol=1e-12, atol=1e-12)
    for place in tree.places:
        alone = torch.nn.functional.scaled_dot_product_attention(
            *(x[:, :, place] for x in parts), is_causal=True, enable_gqa=True
        )
        torch.testing.assert_close(out[:, place], alone.transpose(1, 2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("call", [0, 4_000], ids=["pieces", "batch"])
def test_gradients_reach_what_is_shared(call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "CALL", call)
    tree = build_tree([(1, 2, 3), (1, 2, 4, 5), (1, 6)], least_shared=1)

    def run(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        parts = (x[0].transpose(0, 1)[None] for x in (q, k, v))
        return tree_attention(torch.nn.Identity(), *parts, None, tree=tree)[0]

    assert torch.autograd.gradcheck(run, random_heads(1, tree.size, tree.size))


def test_dropout_is_refused() -> None:
    tree = build_tree([(1, 2)])
    parts = [x[0].transpose(0, 1)[None] for x in random_heads(1, 2, 2)]
    with pytest.raises(ValueError, match="dropout"):
        tree_attention(torch.nn.Identity(), *parts, None, tree=tree, dropout=0.1)
