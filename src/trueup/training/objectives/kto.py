"""Kahneman-Tversky optimisation, arXiv:2402.01306 eq. 8: single completions, wanted or not.

With r = log pi(y|x)/ref(y|x), summed over completion tokens, and z the batch's estimate of
KL(pi || ref), the loss of a completion is

    l_D [1 - s(beta (r - z))]    if it is wanted
    l_U [1 - s(beta (z - r))]    if it is not

averaged by the rows' weights over the global batch. z is the mean of r over the batch's prompts
with one another's completions, not below 0 and without gradient; see `trueup.training.unpaired`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import KTO
    from trueup.training.forward import Outputs

__all__ = ["denominators", "kto_loss", "sums"]


def kto_loss(
    reward: Tensor, desirable: Tensor, z: Tensor, desirable_weight: float, undesirable_weight: float
) -> Tensor:
    """Loss of each completion.

    Args:
        reward: (B,) beta r above.
        desirable: (B,) bool, True where the completion is wanted.
        z: beta z above, a scalar.
        desirable_weight: l_D above.
        undesirable_weight: l_U above.

    Returns:
        (B,) unreduced.
    """
    gain = desirable_weight * (z - reward).sigmoid()
    loss = undesirable_weight * (reward - z).sigmoid()
    return gain.where(desirable, loss)


def denominators(mask: Tensor, weights: Tensor, method: KTO) -> dict[str, float]:  # noqa: ARG001
    """Return the sum of the rows' weights.

    Args:
        mask: (G, T) bool, True at the completions' tokens.
        weights: (G,) of the rows.
        method: the configuration.
    """
    return {"preference": float(weights.sum())}


def sums(outputs: Outputs, method: KTO) -> Sums:
    """Return the weighted sum of the rows' losses, and rewards and log-probs to report."""
    assert outputs.ref_logps is not None
    assert outputs.kl is not None
    assert outputs.desirable is not None
    wanted = outputs.desirable
    reward = method.beta * (outputs.logps - outputs.ref_logps).sum(-1)
    z = method.beta * outputs.kl
    losses = kto_loss(reward, wanted, z, method.desirable_weight, method.undesirable_weight)
    told, logps = reward.detach(), outputs.logps.detach().sum(-1)
    count = {"chosen": wanted.sum(), "rejected": (~wanted).sum()}
    return Sums(
        {"preference": (outputs.weights * losses).sum()},
        {
            "rewards/chosen": told[wanted].sum(),
            "rewards/rejected": told[~wanted].sum(),
            "rewards/accuracy": ((told > z) == wanted).to(told.dtype).sum(),
            "logps/chosen": logps[wanted].sum(),
            "logps/chosen_change": told[wanted].sum() / method.beta,
            "logps/rejected": logps[~wanted].sum(),
            "kl": outputs.kl * len(reward),
        },
        {
            f"{kind}/{side}{suffix}": count[side]
            for kind, side, suffix in (
                ("rewards", "chosen", ""),
                ("rewards", "rejected", ""),
                ("logps", "chosen", ""),
                ("logps", "chosen", "_change"),
                ("logps", "rejected", ""),
            )
        },
    )
