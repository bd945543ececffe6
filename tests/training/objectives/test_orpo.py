from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.training.config import ORPO
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of
from trueup.training.objectives.orpo import log_odds


@given(st.floats(1e-6, 1 - 1e-6))
def test_log_odds_are_those_of_the_probability(p: float) -> None:
    found = float(log_odds(torch.tensor([math.log(p)], dtype=torch.float64))[0])
    assert found == pytest.approx(math.log(p / (1 - p)), rel=1e-6, abs=1e-9)


def test_log_odds_of_what_is_nearly_certain_keep_their_digits_in_float32() -> None:
    found = float(log_odds(torch.tensor([-1e-6]))[0])
    assert found == pytest.approx(-math.log(1e-6), rel=1e-5)


def test_what_is_certain_has_finite_odds_and_no_gradient() -> None:
    logps = torch.tensor([[0.0, 0.0], [-3.0, -1.0]], requires_grad=True)
    outputs = Outputs(logps, torch.ones(2, 2, dtype=torch.bool), torch.ones(1))
    found = objective_of(ORPO()).sums(outputs, ORPO())
    (gradient,) = torch.autograd.grad(found.terms["preference"], logps)
    assert found.metrics["log_odds_ratio"].isfinite()
    assert gradient.isfinite().all()
    assert gradient[0].tolist() == [0.0, 0.0]


def test_both_terms_are_summed_by_their_own_measure() -> None:
    half, quarter = math.log(0.5), math.log(0.25)
    logps = torch.tensor([[half, half], [quarter, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True], [True, False]])
    outputs = Outputs(logps, mask, torch.tensor([2.0], dtype=torch.float64))
    method = ORPO(beta=0.5)
    objective = objective_of(method)
    found = objective.sums(outputs, method)
    # Odds are 1 and 1/3, so the ratio is 3 and s(log 3) = 3/4.
    assert float(found.terms["preference"]) == pytest.approx(-0.5 * 2 * math.log(0.75))
    assert float(found.terms["nll"]) == pytest.approx(-2 * 2 * half)
    assert float(found.metrics["log_odds_ratio"]) == pytest.approx(math.log(3))
    assert float(found.metrics["rewards/margin"]) == pytest.approx(0.5 * (half - quarter))
    over = objective.denominators(mask, outputs.weights, method)
    assert over == {"nll": 4.0, "preference": 2.0}
