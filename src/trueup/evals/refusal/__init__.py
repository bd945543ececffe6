"""Refusal: a linear model over how an answer speaks, with its weights beside it."""

from trueup.evals.refusal.evaluator import Refusal, find_refusal

__all__ = ["Refusal", "find_refusal"]
