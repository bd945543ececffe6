from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from trueup.training.config import Reward
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of
from trueup.training.objectives.reward import ranking_loss

rewards = st.lists(st.floats(-30, 30), min_size=2, max_size=5)


def loss_of(row: Sequence[float], margin: float = 0.0) -> float:
    r = torch.tensor([row], dtype=torch.float64)
    found = ranking_loss(
        r, torch.ones_like(r, dtype=torch.bool), torch.tensor([margin], dtype=torch.float64)
    )
    return float(found[0])


@given(rewards)
def test_a_ranking_is_chosen_one_after_another(row: list[float]) -> None:
    """Plackett and Luce: each place is a softmax over what is left."""
    chance = math.prod(math.exp(r) / sum(map(math.exp, row[k:])) for k, r in enumerate(row))
    assert math.exp(-loss_of(row)) == pytest.approx(chance, rel=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=4))
def test_all_orders_of_a_row_are_one_certainty(row: list[float]) -> None:
    total = sum(math.exp(-loss_of(order)) for order in itertools.permutations(row))
    assert total == pytest.approx(1, rel=1e-9)


@given(st.floats(-30, 30), st.floats(-30, 30), st.floats(0, 5))
def test_a_pair_is_bradley_terry_with_its_margin(one: float, other: float, margin: float) -> None:
    expected = math.log1p(math.exp(-(one - other - margin)))
    assert loss_of([one, other], margin) == pytest.approx(expected, rel=1e-9)


def test_small_losses_keep_their_digits_in_float32() -> None:
    r = torch.tensor([[12.0, 0.0]])
    found = ranking_loss(r, torch.ones_like(r, dtype=torch.bool), torch.zeros(1))
    assert float(found[0]) == pytest.approx(math.log1p(math.exp(-12)), rel=1e-6)


def test_gradients_are_right_where_rows_are_of_unequal_length() -> None:
    r = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(4)[None] < torch.tensor([[2], [4], [3]])
    margins = torch.tensor([0.5, 0.0, 0.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: ranking_loss(x, mask, margins), r.requires_grad_(True)
    )


def outputs(values: Tensor, sizes: list[int], heads: list[int]) -> Outputs:
    count = sum(sizes)
    return Outputs(
        logps=values.new_empty((count, 0)),
        mask=torch.ones(count, 1, dtype=torch.bool),
        weights=torch.tensor([1.0, 3.0], dtype=torch.float64),
        rewards=values,
        sizes=torch.tensor(sizes),
        heads=torch.tensor(heads),
        margins=torch.zeros(2, dtype=torch.float64),
    )


def test_a_row_moves_its_own_head_only() -> None:
    values = torch.tensor(
        [[1.0, -9.0], [0.0, 9.0], [-9.0, 2.0], [9.0, 1.0], [9.0, 0.5]], dtype=torch.float64
    ).requires_grad_(True)
    method = Reward(heads=("quality", "safety"), centering=0.5)
    objective = objective_of(method)
    found = objective.sums(outputs(values, [2, 3], [0, 1]), method)
    over = objective.denominators(torch.ones(5, 1), torch.tensor([1.0, 3.0]), method)
    assert over == {"ranking": 4.0, "centering": 4.0}
    expected = loss_of([1.0, 0.0]) + 3 * loss_of([2.0, 1.0, 0.5])
    assert float(found.terms["ranking"].detach()) == pytest.approx(expected)
    assert float(found.terms["centering"].detach()) == pytest.approx(
        0.5 * (1 * 1.0**2 + 3 * 3.5**2)
    )
    (slope,) = torch.autograd.grad(sum(found.terms.values()), values)
    assert torch.equal(slope != 0, torch.tensor([[1, 0]] * 2 + [[0, 1]] * 3).bool())
    assert float(found.metrics["rewards/accuracy_quality"]) == 1
    assert float(found.metrics["rewards/accuracy_safety"]) == 1
    assert int(found.counts["rewards/accuracy_safety"]) == 1


def test_a_ranking_is_right_only_where_all_neighbours_are() -> None:
    values = torch.tensor([[1.0], [0.0], [3.0], [1.0], [2.0]], dtype=torch.float64)
    found = objective_of(Reward()).sums(outputs(values, [2, 3], [0, 0]), Reward())
    assert float(found.metrics["rewards/accuracy"]) == 1
    assert "rewards/accuracy_reward" not in found.metrics
