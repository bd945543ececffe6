"""Reward models: Bradley-Terry on pairs, Plackett-Luce on rankings, each row on its own head.

With rewards r_1 ... r_K of a prompt's completions, best first, read after their last tokens, the
loss of a row is the negative log-likelihood of its order,

    sum_{k=1}^{K-1} [ log sum_{j>=k} exp(r_j) - r_k ]          Plackett-Luce, arXiv:2301.11270 eq. 4

where each completion is chosen before all that are worse. With ties, W_k the completions that are
worse than k, and those tied with k on neither side, it is

    sum_{k: W_k not empty} [ log (exp(r_k) + sum_{j in W_k} exp(r_j)) - r_k ]

the same where there are none: the order of tied completions changes nothing, and none is chosen
before another. For a pair with margin m it is

    -log s(r_1 - r_2 - m)                                      arXiv:2307.09288 eq. 2

plus c (sum_k r_k)^2 to centre the rewards (arXiv:2312.09244 eq. 6), averaged by the rows' weights
over the global batch, all heads together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import Reward
    from trueup.training.forward import Outputs

__all__ = ["denominators", "first_worse", "ranking_loss", "sums"]


def ranking_loss(rewards: Tensor, mask: Tensor, margins: Tensor, worse: Tensor) -> Tensor:
    """Negative log-likelihood of each row's order.

    Args:
        rewards: (G, K) best first; what `mask` leaves out is not read.
        mask: (G, K) bool, True for the first two or more of each row.
        margins: (G,) by how much the first is to exceed the second; 0 where there are more.
        worse: (G, K) the place from 0 on of the first completion that is worse; see `first_worse`.

    Returns:
        (G,) unreduced.
    """
    import torch
    from torch.nn.functional import softplus

    first = rewards[:, :1] - margins[:, None]
    scores = torch.cat([first, rewards[:, 1:]], 1).masked_fill(~mask, -1e30)
    # of all from a place on, each without what is tied with it and stands before that place
    rest = scores.flip(1).logcumsumexp(1).flip(1)
    after = rest.gather(1, worse.clamp(max=rest.shape[1] - 1))
    has_worse = worse < mask.sum(1, keepdim=True)
    # log(exp r_k + sum_j exp r_j) - r_k = log(1 + exp(log sum_j exp r_j - r_k)), exact when small
    return torch.where(has_worse, softplus(after - scores, threshold=50), 0.0).sum(1)


def first_worse(ranks: Tensor) -> Tensor:
    """Return the place from 0 on of the first completion that is worse than each.

    Args:
        ranks: (G, K) never falling along a row, equal where tied, and above them all where padded.

    Returns:
        (G, K) how many are no worse, which is that place; a row's length where there is none.
    """
    return (ranks[:, None, :] <= ranks[:, :, None]).sum(2)


def denominators(mask: Tensor, weights: Tensor, method: Reward) -> dict[str, float]:  # noqa: ARG001
    """Return the sum of the rows' weights, for each term.

    Args:
        mask: (C, T) bool, not read.
        weights: (G,) of the rows.
        method: the configuration.
    """
    total = float(weights.sum())
    return {"ranking": total} | ({"centering": total} if method.centering else {})


def sums(outputs: Outputs, method: Reward) -> Sums:
    """Return the weighted sums of the rows' losses, and each head's rewards to report."""
    import torch

    rewards, mask, worse = _by_row(outputs)
    assert outputs.margins is not None
    losses = ranking_loss(rewards, mask, outputs.margins, worse)
    terms = {"ranking": (outputs.weights * losses).sum()}
    if method.centering:
        squares = (rewards * mask).sum(1).square()
        terms["centering"] = method.centering * (outputs.weights * squares).sum()
    seen = rewards.detach()
    last = mask.sum(1, keepdim=True) - 1
    gap = (seen[:, :1] - seen.gather(1, last))[:, 0]
    # a ranking counts as right where each exceeds all that are worse, as a pair does
    largest = seen.masked_fill(~mask, -1e30).flip(1).cummax(1).values.flip(1)
    beaten = largest.gather(1, worse.clamp(max=seen.shape[1] - 1))
    ordered = ((seen > beaten) | (worse >= mask.sum(1, keepdim=True))).all(1).to(seen.dtype)
    metrics = {
        "rewards/mean": ((seen * mask).sum(1) / mask.sum(1)).sum(),
        "rewards/margin": gap.sum(),
        "rewards/accuracy": ordered.sum(),
    }
    counts = {}
    assert outputs.heads is not None
    for index, name in enumerate(method.heads if len(method.heads) > 1 else ()):
        its_own = outputs.heads == index
        metrics[f"rewards/accuracy_{name}"] = ordered[its_own].sum()
        counts[f"rewards/accuracy_{name}"] = torch.count_nonzero(its_own)
    return Sums(terms, metrics, counts)


def _by_row(outputs: Outputs) -> tuple[Tensor, Tensor, Tensor]:
    """Return (G, K) rewards of each row's own head, which are there, and `first_worse`."""
    import torch

    assert outputs.rewards is not None
    assert outputs.sizes is not None
    assert outputs.heads is not None
    own = outputs.rewards.gather(1, outputs.heads.repeat_interleave(outputs.sizes)[:, None])[:, 0]
    rows = own.split(outputs.sizes.tolist())  # type: ignore[no-untyped-call]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.arange(padded.shape[1], device=padded.device)[None] < outputs.sizes[:, None]
    assert outputs.ranks is not None
    ranks = outputs.ranks.new_full(mask.shape, torch.iinfo(outputs.ranks.dtype).max)
    return padded, mask, first_worse(ranks.masked_scatter(mask, outputs.ranks))
