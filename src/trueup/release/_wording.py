"""How a comparison reads as words; the same in the verdict, the command and the report."""

from __future__ import annotations

from trueup.release.compare import ALL, Cell

__all__ = ["describe"]


def describe(cell: Cell, claim: str) -> str:
    """Return one line: the cohort, the metric, both values, the difference and what it could show.

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
        f"{cohort}, {cell.metric.name}{' ' + claim if claim else ''}: "
        f"{found.baseline:.2f} to {found.candidate:.2f} "
        f"({found.delta:+.2f}, interval {found.low:+.2f} to {found.high:+.2f}, "
        f"n {found.n} in {found.clusters} {families}, detectable {found.mde:.2f})"
    )
