"""Direct preference optimisation, arXiv:2305.18290, in its sigmoid, hinge and robust forms.

With h = beta [log pi(y_w|x)/ref(y_w|x) - log pi(y_l|x)/ref(y_l|x)], sums over completion tokens
(means where the method is length-normalised, arXiv:2411.15124 eq. 6), and e the label smoothing,
the loss of a pair is

    sigmoid  -(1 - e) log s(h) - e log s(-h)                  eq. 7; e > 0: cDPO
    hinge    max(0, 1 - h)                                    arXiv:2305.10425
    robust   [-(1 - e) log s(h) + e log s(-h)] / (1 - 2e)     arXiv:2403.00409 eq. 13

averaged by the pairs' weights over the global batch; plus, if asked for, the chosen completions'
negative log-likelihood per token over the global batch, as in arXiv:2404.19733 but not per row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums
from trueup.training.objectives._pairs import mean_logps, pair_metrics

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import DPO, PreferenceLoss
    from trueup.training.forward import Outputs

__all__ = ["denominators", "dpo_loss", "sums"]


def dpo_loss(reward_margin: Tensor, loss: PreferenceLoss, label_smoothing: float = 0.0) -> Tensor:
    """Loss of each pair.

    Args:
        reward_margin: (B,) h above: beta times the log-ratio of chosen less that of rejected.
        loss: which form.
        label_smoothing: e above.

    Returns:
        (B,) unreduced.
    """
    from torch.nn.functional import logsigmoid, relu

    if loss == "hinge":
        return relu(1 - reward_margin)
    right = -(1 - label_smoothing) * logsigmoid(reward_margin)
    wrong = -label_smoothing * logsigmoid(-reward_margin)
    if loss == "robust":
        return (right - wrong) / (1 - 2 * label_smoothing)
    return right + wrong


def denominators(mask: Tensor, weights: Tensor, method: DPO) -> dict[str, float]:
    """Return the sum of the pairs' weights and, with an NLL term, of the chosen tokens'.

    Args:
        mask: (2 G, T) bool, True at the completions' tokens, chosen before rejected.
        weights: (G,) of the pairs.
        method: the configuration.
    """
    totals = {"preference": float(weights.sum())}
    if method.nll_weight:
        totals["nll"] = float((weights * mask[0::2].sum(-1)).sum())
    return totals


def sums(outputs: Outputs, method: DPO) -> Sums:
    """Return the weighted sums of the pairs' losses, and rewards and log-probs to report."""
    assert outputs.ref_logps is not None
    ratios = outputs.logps - outputs.ref_logps
    change = ratios.sum(-1)
    moved = mean_logps(ratios, outputs.mask) if method.length_normalized else change
    chosen, rejected = (method.beta * moved).view(-1, 2).unbind(1)
    losses = dpo_loss(chosen - rejected, method.loss, method.label_smoothing)
    terms = {"preference": (outputs.weights * losses).sum()}
    if method.nll_weight:
        chosen_logps = outputs.logps[0::2].sum(-1)
        terms["nll"] = -method.nll_weight * (outputs.weights * chosen_logps).sum()
    metrics = pair_metrics(chosen, rejected, outputs.logps)
    return Sums(terms, metrics | {"logps/chosen_change": change[0::2].detach().sum()})
