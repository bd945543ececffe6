"""What methods on single completions need beside the rows: KTO's labels and its mismatched rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trueup.errors import InputError
from trueup.training.groups import Group, best_and_worse, reject
from trueup.types import Example

__all__ = ["mismatched", "unpair"]


_FARTHEST = 64
"""Places that are tried: held-out rows are many, and may all be of one prompt."""


def unpair(examples: Sequence[Example]) -> list[Example]:
    """Return every completion as a row of its own that says whether it is wanted.

    Of a pair the chosen completion is, and the rejected one is not; a single completion says so by
    its label.

    Raises:
        InputError: single completions without a label, or pairs of equal ones; the message names
            the rows.
    """
    reject(
        [example for example in examples if len(example.completions) > 1],
        "chosen equal to rejected",
        lambda e: len(set(best_and_worse(e))) == 1,
    )
    rows: list[Example] = []
    unlabelled: list[str] = []
    for example in examples:
        if len(example.completions) == 1:
            if example.desirable is None:
                unlabelled.append(example.id)
            rows.append(example)
            continue
        for name, wanted, text in zip(
            ("chosen", "rejected"), (True, False), best_and_worse(example), strict=True
        ):
            name = f"{example.id}/{name}"
            rows.append(replace(example, id=name, completions=(text,), desirable=wanted, ranks=()))
    if unlabelled:
        named = ", ".join(unlabelled[:5]) + (", ..." if len(unlabelled) > 5 else "")
        raise InputError(
            f"{len(unlabelled)} rows have a completion without a label ({named}); say for each "
            "whether it is wanted: label true or false"
        )
    return rows


def mismatched(groups: Sequence[Group], max_length: int) -> list[Group]:
    """Return each group's prompt with the completion of a group some places before it, in a ring.

    It is as few places as leave no prompt its own completion, or, where rows of one prompt are too
    many, the fewest: one for single completions, two for pairs, of which like halves lend to like.
    The completion is cut to what fits `max_length` tokens behind that prompt.

    The log-ratios of such rows estimate how far the policy is from the reference on answers that
    were not asked for (arXiv:2402.01306 section 4.1). A group by itself has no other: none.
    """
    if len(groups) < 2:
        return []

    def clashes(places: int) -> int:
        return sum(groups[i - places].prompt == g.prompt for i, g in enumerate(groups))

    counts = []
    for places in range(1, min(len(groups), _FARTHEST)):
        counts.append(clashes(places))
        if not counts[-1]:
            break
    moved = 1 + counts.index(min(counts))
    before = [groups[i - moved] for i in range(len(groups))]
    return [
        replace(
            group,
            id=f"{group.id} with the answer of {other.id}",
            completions=tuple(c[: max_length - len(group.prompt)] for c in other.completions),
        )
        for group, other in zip(groups, before, strict=True)
    ]
