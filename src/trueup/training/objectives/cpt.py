"""Continued pretraining: the mean negative log-likelihood of the texts' tokens.

    L = - sum_d sum_t log pi(y_dt | y_d<t)  /  sum_d |y_d|

over the documents of the global batch. Each is read by itself, after a token that begins it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import CPT
    from trueup.training.forward import Outputs

__all__ = ["denominators", "sums"]


def denominators(mask: Tensor, weights: Tensor, method: CPT) -> dict[str, float]:  # noqa: ARG001
    """Return the number of tokens.

    Args:
        mask: (C, T) bool, True at the documents' tokens.
        weights: (G,) of the packs, all 1.
        method: the configuration.
    """
    return {"nll": float(mask.sum())}


def sums(outputs: Outputs, method: CPT) -> Sums:  # noqa: ARG001
    """Return the sum of the tokens' negative log-likelihoods."""
    return Sums({"nll": -outputs.logps.sum()})
