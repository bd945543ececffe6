"""Supervised fine-tuning: the mean negative log-likelihood of the completions' tokens.

    L = - sum_i w_i sum_t log pi(y_it | x_i, y_i<t)  /  sum_i w_i |y_i|

over the global batch, so that each token counts alike whatever completion it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import SFT
    from trueup.training.forward import Outputs

__all__ = ["denominators", "sums"]


def denominators(mask: Tensor, weights: Tensor, method: SFT) -> dict[str, float]:  # noqa: ARG001
    """Return the weighted number of completion tokens.

    Args:
        mask: (G, T) bool, True at the completions' tokens.
        weights: (G,) of the examples.
        method: the configuration.
    """
    return {"nll": float((weights * mask.sum(-1)).sum())}


def sums(outputs: Outputs, method: SFT) -> Sums:  # noqa: ARG001
    """Return the weighted sum of the tokens' negative log-likelihoods."""
    return Sums({"nll": -(outputs.weights * outputs.logps.sum(-1)).sum()})
