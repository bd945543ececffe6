"""What is said of rows that could not be scored."""

from __future__ import annotations

from collections import Counter

from trueup.errors import EvaluationError

__all__ = ["check_scored", "told_unscored"]


def told_unscored(reasons: Counter[str], rows: int) -> str:
    """Say how many of so many rows were not scored, and mostly why; empty where all were."""
    if not reasons.total():
        return ""
    [(reason, count)] = reasons.most_common(1)
    others = f" ({count} of them; --json has the other reasons)" if len(reasons) > 1 else ""
    return f"{reasons.total()} of {rows} not scored: {reason}{others}"


def check_scored(reasons: Counter[str], rows: int) -> None:
    """Check that something was scored.

    Raises:
        EvaluationError: nothing was, of any row; the message says mostly why.
    """
    if reasons.total() >= rows:
        raise EvaluationError(f"nothing could be scored: {told_unscored(reasons, rows)}")
