from __future__ import annotations

import torch

from trueup.training.config import SFT
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of


def test_the_mean_is_over_the_tokens_of_the_global_batch() -> None:
    logps = torch.tensor([[-1.0, -2.0, -3.0], [-4.0, 0.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    weights = torch.tensor([1.0, 2.0], dtype=torch.float64)
    objective = objective_of(SFT())
    over = objective.denominators(mask, weights, SFT())["nll"]
    whole = objective.sums(Outputs(logps, mask, weights), SFT()).terms["nll"] / over
    # (1 * (1 + 2 + 3) + 2 * 4) / (1 * 3 + 2 * 1)
    assert float(whole) == 14 / 5
    parts = [
        objective.sums(Outputs(logps[i : i + 1], mask[i : i + 1], weights[i : i + 1]), SFT())
        for i in range(2)
    ]
    assert float(sum(part.terms["nll"] for part in parts) / over) == 14 / 5
