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
from trueup.training.objectives.reward import first_worse, ranking_loss

rewards = st.lists(st.floats(-30, 30), min_size=2, max_size=5)


def loss_of(row: Sequence[float], margin: float = 0.0, ranks: Sequence[int] = ()) -> float:
    r = torch.tensor([row], dtype=torch.float64)
    margins = torch.tensor([margin], dtype=torch.float64)
    worse = first_worse(torch.tensor([ranks or range(len(row))]))
    found = ranking_loss(r, torch.ones_like(r, dtype=torch.bool), margins, worse)
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
    worse = torch.tensor([[1, 2]])
    found = ranking_loss(r, torch.ones_like(r, dtype=torch.bool), torch.zeros(1), worse)
    assert float(found[0]) == pytest.approx(math.log1p(math.exp(-12)), rel=1e-6)


def test_gradients_are_right_where_rows_are_of_unequal_length() -> None:
    r = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(4)[None] < torch.tensor([[2], [4], [3]])
    margins = torch.tensor([0.5, 0.0, 0.0], dtype=torch.float64)
    worse = first_worse(torch.tensor([[1, 2, 9, 9], [1, 1, 3, 3], [1, 2, 3, 9]]))
    assert torch.autograd.gradcheck(
        lambda x: ranking_loss(x, mask, margins, worse), r.requires_grad_(True)
    )


def plain_loss(row: Sequence[float], ranks: Sequence[int]) -> float:
    """The formula with ties as it is written, term by term."""
    loss = 0.0
    for reward, rank in zip(row, ranks, strict=True):
        worse = [r for r, other in zip(row, ranks, strict=True) if other > rank]
        if worse:
            loss += math.log(math.exp(reward) + sum(map(math.exp, worse))) - reward
    return loss


ties = st.lists(st.tuples(st.floats(-30, 30), st.integers(1, 4)), min_size=2, max_size=6)


@given(ties)
def test_ties_are_no_preference(drawn: list[tuple[float, int]]) -> None:
    drawn.sort(key=lambda entry: entry[1])
    row, ranks = zip(*drawn, strict=True)
    assert loss_of(row, ranks=ranks) == pytest.approx(plain_loss(row, ranks), rel=1e-9, abs=1e-12)
    # in whatever order tied answers stand
    drawn.sort(key=lambda entry: (entry[1], -entry[0]))
    row, ranks = zip(*drawn, strict=True)
    assert loss_of(row, ranks=ranks) == pytest.approx(plain_loss(row, ranks), rel=1e-9, abs=1e-12)


def test_a_tie_at_the_end_pulls_its_answers_neither_apart_nor_together() -> None:
    r = torch.tensor([[2.0, 1.0, -1.0]], dtype=torch.float64, requires_grad=True)
    everything = torch.ones_like(r, dtype=torch.bool)
    loss = ranking_loss(
        r, everything, torch.zeros(1, dtype=torch.float64), first_worse(torch.tensor([[1, 2, 2]]))
    )
    (slope,) = torch.autograd.grad(loss.sum(), r)
    shares = torch.softmax(r.detach(), 1)
    assert torch.allclose(slope, shares - torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64))


def outputs(
    values: Tensor, sizes: list[int], heads: list[int], ranks: Sequence[int] = ()
) -> Outputs:
    count = sum(sizes)
    return Outputs(
        logps=values.new_empty((count, 0)),
        mask=torch.ones(count, 1, dtype=torch.bool),
        weights=torch.tensor([1.0, 3.0], dtype=torch.float64),
        rewards=values,
        sizes=torch.tensor(sizes),
        heads=torch.tensor(heads),
        margins=torch.zeros(2, dtype=torch.float64),
        ranks=torch.tensor(ranks or [1, 2, *range(1, sizes[1] + 1)]),
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


def test_a_ranking_with_a_tie_is_right_where_each_exceeds_what_is_worse() -> None:
    values = torch.tensor([[1.0], [0.0], [3.0], [1.0], [2.0]], dtype=torch.float64)
    found = objective_of(Reward()).sums(outputs(values, [2, 3], [0, 0], [1, 2, 1, 2, 2]), Reward())
    assert float(found.metrics["rewards/accuracy"]) == 2
    assert float(found.terms["ranking"]) == pytest.approx(
        loss_of([1.0, 0.0]) + 3 * plain_loss([3.0, 1.0, 2.0], [1, 2, 2])
    )
    wrong = torch.tensor([[1.0], [0.0], [1.0], [3.0], [2.0]], dtype=torch.float64)
    found = objective_of(Reward()).sums(outputs(wrong, [2, 3], [0, 0], [1, 2, 3, 3, 5]), Reward())
    assert float(found.metrics["rewards/accuracy"]) == 1, "the first is under the last, and worse"
