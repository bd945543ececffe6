from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.models._draw import choose, uniforms

LOGITS = torch.tensor([[2.0, 0.0, 1.0, -1.0, float("-inf")]])


def drawn(logits: torch.Tensor, draw: float, temperature: float = 1.0, top_p: float = 1.0) -> int:
    draws = torch.tensor([draw], dtype=torch.float64)
    return int(choose(logits, temperature=temperature, top_p=top_p, draws=draws))


def test_zero_temperature_takes_the_likeliest() -> None:
    assert drawn(LOGITS, 0.999, temperature=0) == 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [1.0, 0.8, 0.1])
def test_shares_follow_the_distribution(temperature: float, top_p: float) -> None:
    grid = torch.linspace(0, 1, 4001, dtype=torch.float64)[:-1]
    chosen = choose(LOGITS.expand(len(grid), -1), temperature=temperature, top_p=top_p, draws=grid)
    shares = torch.bincount(chosen, minlength=5) / len(grid)
    probs = (LOGITS[0] / temperature).softmax(-1)
    order = probs.argsort(descending=True)
    size = int((probs[order].cumsum(-1) - probs[order] < top_p).sum())
    expected = torch.zeros(5)
    expected[order[:size]] = probs[order[:size]] / probs[order[:size]].sum()
    assert torch.allclose(shares, expected, atol=1e-3)


@given(st.floats(0, 1, exclude_max=True), st.floats(0.01, 1))
def test_an_impossible_token_is_never_drawn(draw: float, top_p: float) -> None:
    assert drawn(LOGITS, draw, top_p=top_p) != 4


def test_a_flat_distribution_is_cut_exactly() -> None:
    flat = torch.zeros(1, 1000)
    grid = torch.linspace(0, 1, 5001, dtype=torch.float64)[:-1]
    chosen = choose(flat.expand(len(grid), -1), temperature=1.0, top_p=0.5, draws=grid)
    assert len(set(chosen.tolist())) in (500, 501)


def test_draws_follow_from_seed_prompt_and_index() -> None:
    first = uniforms(1, [5, 6], 0, 10)
    assert np.array_equal(first, uniforms(1, [5, 6], 0, 10))
    assert np.array_equal(first[:4], uniforms(1, [5, 6], 0, 4))
    others = [uniforms(2, [5, 6], 0, 10), uniforms(1, [5], 0, 10), uniforms(1, [5, 6], 1, 10)]
    assert not any(np.array_equal(first, other) for other in others)
