"""Counterfactuals: the same text of another group, and whether it is answered alike."""

from trueup.evals.counterfactual.comparing import (
    Counterfactuals,
    GroupDifference,
    Variant,
    compare_groups,
    counterfactuals,
    treats_alike,
)
from trueup.evals.counterfactual.swaps import swap_groups

__all__ = [
    "Counterfactuals",
    "GroupDifference",
    "Variant",
    "compare_groups",
    "counterfactuals",
    "swap_groups",
    "treats_alike",
]
