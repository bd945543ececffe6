"""How a comparison reads as words; the same in the verdict, the command and the report."""

from __future__ import annotations

from trueup.release.compare import ALL, Cell

__all__ = ["describe", "signed"]


def describe(cell: Cell, claim: str) -> str:
    """Return one line: the metric, the cohort, both values, the difference and what it could show.

    Args:
        cell: with a difference.
        claim: what is said of it, such as "is shown worse".
    """
    found = cell.difference
    if found is None:
        raise ValueError(f"{cell.cohort}, {cell.metric.name}: nothing was scored")
    cohort = "all cohorts" if cell.cohort == ALL else cell.cohort
    families = "family" if found.clusters == 1 else "families"
    return (
        f"{cell.metric.title} in {cohort}{' ' + claim if claim else ''}: "
        f"{found.baseline:.2f} to {found.candidate:.2f} "
        f"({signed(found.delta)}, interval {signed(found.low)} to {signed(found.high)}; "
        f"{found.n} requests in {found.clusters} {families} detect {found.mde:.2f})"
    )


def signed(value: float) -> str:
    """Return a difference to two places with its sign, and none on what rounds to zero."""
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}"
