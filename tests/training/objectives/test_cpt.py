from __future__ import annotations

import torch

from trueup.training.config import CPT
from trueup.training.forward import Outputs
from trueup.training.objectives import objective_of


def test_every_token_of_the_global_batch_counts_alike() -> None:
    logps = torch.tensor([[-1.0, -2.0, -3.0], [-4.0, 0.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    weights = torch.ones(1, dtype=torch.float64)
    objective = objective_of(CPT())
    over = objective.denominators(mask, weights, CPT())
    found = objective.sums(Outputs(logps, mask, weights), CPT()).terms["nll"] / over["nll"]
    assert float(found) == 10 / 4
