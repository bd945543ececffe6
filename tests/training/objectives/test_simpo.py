from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.training.config import SimPO
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of
from trueup.training.objectives.simpo import simpo_loss


@given(st.floats(-20, 20), st.floats(0, 5))
def test_the_loss_is_the_papers(margin: float, gamma: float) -> None:
    found = float(simpo_loss(torch.tensor([margin], dtype=torch.float64), gamma)[0])
    assert found == pytest.approx(-math.log(1 / (1 + math.exp(gamma - margin))), rel=1e-9)


def test_rewards_are_per_token_so_length_alone_wins_nothing() -> None:
    logps = torch.tensor([[-1.0, -1.0, -1.0], [-1.0, 0.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    outputs = Outputs(logps, mask, torch.tensor([2.0], dtype=torch.float64))
    method = SimPO(beta=2.5, gamma=0.5)
    found = objective_of(method).sums(outputs, method)
    assert float(found.metrics["rewards/margin"]) == pytest.approx(0)
    assert float(found.terms["preference"]) == pytest.approx(2 * math.log(1 + math.exp(0.5)))
    assert objective_of(method).denominators(mask, outputs.weights, method) == {"preference": 2.0}
