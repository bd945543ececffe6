"""Instructions of a prompt that can be checked, and whether a response follows them."""

from trueup.evals.instruction_following.evaluator import InstructionFollowing

__all__ = ["InstructionFollowing"]
