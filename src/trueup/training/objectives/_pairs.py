"""What the methods on (chosen, rejected) pairs report alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["mean_logps", "pair_metrics"]


def mean_logps(logps: Tensor, mask: Tensor) -> Tensor:
    """Mean log-prob per completion token: (C, T) and (C, T) bool -> (C,)."""
    return logps.sum(-1) / mask.sum(-1)


def pair_metrics(chosen: Tensor, rejected: Tensor, logps: Tensor) -> dict[str, Tensor]:
    """Rewards and log-probs of a pack, summed over its pairs and detached.

    Args:
        chosen: (B,) the method's implicit reward of the chosen completions.
        rejected: (B,) of the rejected ones.
        logps: (2 B, T) per-token log-probs, chosen before rejected.
    """
    gap = (chosen - rejected).detach()
    totals = logps.detach().sum(-1)
    return {
        "rewards/chosen": chosen.detach().sum(),
        "rewards/rejected": rejected.detach().sum(),
        "rewards/margin": gap.sum(),
        "rewards/accuracy": (gap > 0).to(gap.dtype).sum(),
        "logps/chosen": totals[0::2].sum(),
        "logps/rejected": totals[1::2].sum(),
    }
