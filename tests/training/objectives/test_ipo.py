from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.training.config import IPO
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of
from trueup.training.objectives.ipo import ipo_loss

betas = st.floats(0.01, 2)


@given(st.floats(-20, 20), betas)
def test_the_loss_is_the_squared_distance_from_its_target(h: float, beta: float) -> None:
    found = ipo_loss(torch.tensor([h], dtype=torch.float64), beta)
    assert float(found[0]) == pytest.approx((h - 1 / (2 * beta)) ** 2, rel=1e-12)


@given(betas)
def test_a_margin_at_the_target_costs_nothing_and_pulls_nowhere(beta: float) -> None:
    h = torch.tensor([1 / (2 * beta)], dtype=torch.float64, requires_grad=True)
    loss = ipo_loss(h, beta).sum()
    (slope,) = torch.autograd.grad(loss, h)
    assert (float(loss.detach()), float(slope)) == (0, 0)


def test_log_ratios_are_means_and_pairs_are_weighed() -> None:
    logps = torch.tensor([[-1.0, -3.0], [-2.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True], [True, False]])
    ref = torch.tensor([[-2.0, -4.0], [-1.0, 0.0]], dtype=torch.float64)
    outputs = Outputs(logps, mask, torch.tensor([3.0], dtype=torch.float64), ref)
    method = IPO(beta=0.25)
    found = objective_of(method).sums(outputs, method)
    # Mean log-ratios: chosen +1, rejected -1; h is 2 and its target 2.
    assert float(found.terms["preference"]) == pytest.approx(0)
    assert float(found.metrics["rewards/margin"]) == pytest.approx(0.25 * 2)
    assert float(found.metrics["logps/chosen_change"]) == pytest.approx(2)
    further = objective_of(method).sums(outputs, IPO(beta=0.5))
    assert float(further.terms["preference"]) == pytest.approx(3 * (2 - 1) ** 2)
    assert objective_of(method).denominators(mask, outputs.weights, method) == {"preference": 3}
