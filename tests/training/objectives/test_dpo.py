from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.training.config import DPO
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of
from trueup.training.objectives.dpo import dpo_loss

margins = st.floats(-20, 20)
smoothings = st.floats(0, 0.49)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def one(margin: float, *args: object) -> float:
    return float(dpo_loss(torch.tensor([margin], dtype=torch.float64), *args)[0])  # type: ignore[arg-type]


@given(margins, smoothings)
def test_each_form_equals_its_equation(h: float, e: float) -> None:
    right, wrong = -math.log(sigmoid(h)), -math.log(sigmoid(-h))
    assert one(h, "sigmoid") == pytest.approx(right, rel=1e-9)
    assert one(h, "sigmoid", e) == pytest.approx((1 - e) * right + e * wrong, rel=1e-9)
    robust = ((1 - e) * right - e * wrong) / (1 - 2 * e)
    assert one(h, "robust", e) == pytest.approx(robust, rel=1e-9, abs=1e-9)
    assert one(h, "hinge") == pytest.approx(max(0.0, 1 - h))


@given(margins, smoothings)
def test_robust_loss_is_unbiased_under_label_flips(h: float, e: float) -> None:
    expected = (1 - e) * one(h, "robust", e) + e * one(-h, "robust", e)
    assert expected == pytest.approx(one(h, "sigmoid"), rel=1e-6, abs=1e-6)


def test_cdpo_is_lowest_where_the_labels_odds_say() -> None:
    h = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    best = math.log(0.9 / 0.1)
    (slope,) = torch.autograd.grad(dpo_loss(h + best, "sigmoid", 0.1).sum(), h)
    assert float(slope) == pytest.approx(0, abs=1e-12)


def outputs() -> Outputs:
    logps = torch.tensor(
        [[-1.0, -2.0], [-3.0, 0.0], [-2.0, 0.0], [-1.0, -1.0]], dtype=torch.float64
    )
    mask = torch.tensor([[True, True], [True, False], [True, False], [True, True]])
    ref = torch.tensor([[-2.0, -2.0], [-2.0, 0.0], [-1.0, 0.0], [-2.0, -2.0]], dtype=torch.float64)
    return Outputs(logps, mask, torch.tensor([1.0, 3.0], dtype=torch.float64), ref)


def test_sums_weigh_pairs_and_report_rewards() -> None:
    method = DPO(beta=0.5, nll_weight=0.25)
    objective = objective_of(method)
    found = objective.sums(outputs(), method)
    # Log-ratios: chosen +1 and -1, rejected -1 and +2; margins 0.5 * 2 and 0.5 * -3.
    expected = -math.log(sigmoid(1.0)) - 3 * math.log(sigmoid(-1.5))
    assert float(found.terms["preference"]) == pytest.approx(expected)
    assert float(found.terms["nll"]) == pytest.approx(0.25 * (1 * 3 + 3 * 2))
    over = objective.denominators(outputs().mask, outputs().weights, method)
    assert over == {"preference": 4.0, "nll": 1 * 2 + 3 * 1}
    told = {name: float(value) for name, value in found.metrics.items()}
    assert told == {
        "rewards/chosen": 0.0,
        "rewards/rejected": 0.5,
        "rewards/margin": -0.5,
        "rewards/accuracy": 1.0,
        "logps/chosen": -5.0,
        "logps/chosen_change": 0.0,
        "logps/rejected": -5.0,
    }


def test_without_the_nll_term_there_is_none() -> None:
    assert set(objective_of(DPO()).sums(outputs(), DPO()).terms) == {"preference"}
