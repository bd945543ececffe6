"""Simple preference optimisation, arXiv:2405.14734 eq. 6: no reference, rewards per token.

With r(y) = beta times the mean over y's tokens of log pi(y|x), the loss of a pair is

    -log s(r(y_w) - r(y_l) - gamma)

averaged by the pairs' weights over the global batch. There is no further likelihood term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums
from trueup.training.objectives._pairs import mean_logps, pair_metrics

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import SimPO
    from trueup.training.forward import Outputs

__all__ = ["denominators", "simpo_loss", "sums"]


def simpo_loss(reward_margin: Tensor, gamma: float) -> Tensor:
    """Loss of each pair.

    Args:
        reward_margin: (B,) r(y_w) - r(y_l) above.
        gamma: by how much the chosen reward is to exceed the rejected one.

    Returns:
        (B,) unreduced.
    """
    from torch.nn.functional import softplus

    return softplus(gamma - reward_margin)


def denominators(mask: Tensor, weights: Tensor, method: SimPO) -> dict[str, float]:  # noqa: ARG001
    """Return the sum of the pairs' weights.

    Args:
        mask: (2 G, T) bool, True at the completions' tokens, chosen before rejected.
        weights: (G,) of the pairs.
        method: the configuration.
    """
    return {"preference": float(weights.sum())}


def sums(outputs: Outputs, method: SimPO) -> Sums:
    """Return the weighted sum of the pairs' losses, and rewards and log-probs to report."""
    rewards = method.beta * mean_logps(outputs.logps, outputs.mask)
    chosen, rejected = rewards.view(-1, 2).unbind(1)
    losses = simpo_loss(chosen - rejected, method.gamma)
    return Sums(
        {"preference": (outputs.weights * losses).sum()},
        pair_metrics(chosen, rejected, outputs.logps),
    )
