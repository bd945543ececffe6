from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.training.config import KTO
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of
from trueup.training.objectives.kto import kto_loss

rewards = st.floats(-20, 20)


def one(reward: float, wanted: bool, z: float, gain: float = 1.0, loss: float = 1.0) -> float:
    found = kto_loss(
        torch.tensor([reward], dtype=torch.float64),
        torch.tensor([wanted]),
        torch.tensor(z, dtype=torch.float64),
        gain,
        loss,
    )
    return float(found[0])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@given(rewards, st.floats(0, 20), st.floats(0, 3), st.floats(0, 3))
def test_the_loss_is_the_papers(r: float, z: float, gain: float, loss: float) -> None:
    assert one(r, True, z, gain, loss) == pytest.approx(gain * (1 - sigmoid(r - z)), abs=1e-12)
    assert one(r, False, z, gain, loss) == pytest.approx(loss * (1 - sigmoid(z - r)), abs=1e-12)


def outputs(kl: float = 0.5) -> Outputs:
    logps = torch.tensor([[-1.0, -2.0], [-3.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True], [True, False]])
    ref = torch.tensor([[-2.0, -3.0], [-2.0, 0.0]], dtype=torch.float64)
    return Outputs(
        logps,
        mask,
        torch.tensor([1.0, 3.0], dtype=torch.float64),
        ref,
        torch.tensor([True, False]),
        torch.tensor(kl, dtype=torch.float64),
    )


def test_sums_weigh_rows_and_count_what_only_some_have() -> None:
    method = KTO(beta=0.5, undesirable_weight=2.0)
    found = objective_of(method).sums(outputs(), method)
    # Log-ratios: wanted +2, not wanted -1; beta z is 0.25.
    expected = (1 - sigmoid(1.0 - 0.25)) + 3 * 2 * (1 - sigmoid(0.25 + 0.5))
    assert float(found.terms["preference"]) == pytest.approx(expected)
    assert {name: float(value) for name, value in found.metrics.items()} == pytest.approx(
        {
            "rewards/chosen": 1.0,
            "rewards/rejected": -0.5,
            "rewards/accuracy": 2.0,
            "logps/chosen": -3.0,
            "logps/chosen_change": 2.0,
            "logps/rejected": -3.0,
            "kl": 2 * 0.5,
        }
    )
    assert {int(n) for n in found.counts.values()} == {1}
    over = objective_of(method).denominators(outputs().mask, outputs().weights, method)
    assert over == {"preference": 4.0}


def test_a_batch_of_one_has_no_answers_to_lend() -> None:
    with pytest.raises(InputError, match="batch_size is 1; it must be 2 or more"):
        KTO(batch_size=1)
