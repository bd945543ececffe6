"""Odds ratio preference optimisation, arXiv:2403.07691 eq. 6 and 7: no reference, one stage.

With P(y|x) = exp(mean over y's tokens of log pi) and odds(y|x) = P / (1 - P), the loss is

    NLL(y_w) - beta log s(log odds(y_w|x) - log odds(y_l|x))

The first term is the chosen completions' negative log-likelihood per token, as in supervised
fine-tuning; the second is averaged by the pairs' weights; both over the global batch. beta is the
paper's lambda. The authors' code and TRL's count the prompt's tokens in the first term too; the
paper's equation 2, and this, do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.training.objectives import Sums
from trueup.training.objectives._pairs import mean_logps, pair_metrics

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.config import ORPO
    from trueup.training.forward import Outputs

__all__ = ["denominators", "log_odds", "sums"]


def log_odds(mean_logp: Tensor) -> Tensor:
    """Log of P / (1 - P) for P = exp(mean_logp).

    Where P rounds to 1 it is as near to 1 as the dtype tells apart, and has no gradient: there is
    nothing left to learn, and the odds would be infinite.

    Args:
        mean_logp: (B,) mean log-prob per token, 0 or below.

    Returns:
        (B,).
    """
    from torch import finfo

    mean_logp = mean_logp.clamp(max=-finfo(mean_logp.dtype).eps)
    # log(1 - exp(x)) loses all digits near x = 0, where log(-expm1(x)) keeps them
    return mean_logp - (-mean_logp.expm1()).log()


def denominators(mask: Tensor, weights: Tensor, method: ORPO) -> dict[str, float]:  # noqa: ARG001
    """Return the weighted number of chosen tokens, and the sum of the pairs' weights.

    Args:
        mask: (2 G, T) bool, True at the completions' tokens, chosen before rejected.
        weights: (G,) of the pairs.
        method: the configuration.
    """
    return {
        "nll": float((weights * mask[0::2].sum(-1)).sum()),
        "preference": float(weights.sum()),
    }


def sums(outputs: Outputs, method: ORPO) -> Sums:
    """Return the weighted sums of both terms, and rewards and log-probs to report."""
    from torch.nn.functional import logsigmoid

    means = mean_logps(outputs.logps, outputs.mask)
    chosen, rejected = means.view(-1, 2).unbind(1)
    ratio = log_odds(chosen) - log_odds(rejected)
    terms = {
        "nll": -(outputs.weights * outputs.logps[0::2].sum(-1)).sum(),
        "preference": -method.beta * (outputs.weights * logsigmoid(ratio)).sum(),
    }
    metrics = pair_metrics(method.beta * chosen, method.beta * rejected, outputs.logps)
    return Sums(terms, metrics | {"log_odds_ratio": ratio.detach().sum()})
