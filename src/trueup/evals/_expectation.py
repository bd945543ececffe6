"""What is expected of an evaluator that only measures: a label, or the most that is right."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.errors import InputError

__all__ = ["met"]


def met(
    expected: str | float | None, label: str | None, measure: float, labels: Sequence[str]
) -> float | None:
    """Return 1.0 where it is as expected and 0.0 where not; None where it cannot be told.

    Args:
        expected: one of `labels`, or the most that the measure may be; None expects nothing.
        label: what was found; None without a baseline.
        measure: what was measured.
        labels: that there are.

    Raises:
        InputError: it is neither a label nor a number from 0 on.
    """
    if expected is None:
        return None
    if isinstance(expected, str):
        if expected not in labels:
            raise InputError(f"expected: no label {expected!r}; it is {', '.join(labels)}")
        return None if label is None else float(label == expected)
    if isinstance(expected, bool) or not isinstance(expected, int | float) or not expected >= 0:
        known = ", ".join(labels)
        raise InputError(f"expected: {known} or a number from 0 on is needed, not {expected!r}")
    return float(measure <= expected)
