"""Identity preference optimisation, arXiv:2310.12036 eq. 17.

With h = m(y_w) - m(y_l), where m(y) is the mean over y's tokens of log pi(y|x)/ref(y|x), the loss
of a pair is

    (h - 1 / (2 beta))^2

averaged by the pairs' weights over the global batch. The paper writes tau for beta and does not say
whether log-ratios are summed or averaged; averaged, as its authors later advised, long completions
reach the target as easily as short ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums
from trueup.training.objectives._pairs import mean_logps, pair_metrics

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import IPO
    from trueup.training.forward import Outputs

__all__ = ["denominators", "ipo_loss", "sums"]


def ipo_loss(margin: Tensor, beta: float) -> Tensor:
    """Loss of each pair.

    Args:
        margin: (B,) h above: the chosen completion's mean log-ratio less the rejected one's.
        beta: strength of the hold to the reference; smaller lets the policy move further.

    Returns:
        (B,) unreduced.
    """
    return (margin - 1 / (2 * beta)).square()


def denominators(mask: Tensor, weights: Tensor, method: IPO) -> dict[str, float]:  # noqa: ARG001
    """Return the sum of the pairs' weights.

    Args:
        mask: (2 G, T) bool, True at the completions' tokens, chosen before rejected.
        weights: (G,) of the pairs.
        method: the configuration.
    """
    return {"preference": float(weights.sum())}


def sums(outputs: Outputs, method: IPO) -> Sums:
    """Return the weighted sum of the pairs' losses, and rewards and log-probs to report."""
    assert outputs.ref_logps is not None
    ratios = mean_logps(outputs.logps - outputs.ref_logps, outputs.mask)
    chosen, rejected = ratios.view(-1, 2).unbind(1)
    losses = ipo_loss(chosen - rejected, method.beta)
    metrics = pair_metrics(method.beta * chosen, method.beta * rejected, outputs.logps)
    change = (outputs.logps - outputs.ref_logps).detach().sum(-1)[0::2]
    return Sums(
        {"preference": (outputs.weights * losses).sum()},
        metrics | {"logps/chosen_change": change.sum()},
    )
