"""Which labels count as yes, people's and an evaluator's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from trueup.errors import InputError
from trueup.evals.base import Evaluator

__all__ = ["counted", "is_yes", "parts"]


def parts(labels: Iterable[str | bool | None]) -> set[str]:
    """Return what labels are made of: one may name several, as in "gender, race"."""
    return {part for label in labels if isinstance(label, str) for part in label.split(", ")}


def is_yes(label: str, yes: Collection[str]) -> bool:
    """Tell whether a label counts as yes, which one of several does for all."""
    return any(part in yes for part in label.split(", "))


def counted(
    evaluator: Evaluator, said: set[str], positive: Collection[str], negative: str
) -> tuple[str, ...]:
    """Return the labels that count as yes: `positive`, or all but `negative` where none is named.

    An evaluator that does not say which labels it gives is taken to give people's.

    Args:
        evaluator: what is held against people.
        said: what people say.
        positive, negative: see `calibrate`.

    Raises:
        InputError: the two cannot be held against each other.
    """
    name, gives, yes = evaluator.name, set(evaluator.labels) or said, set(positive)
    its_own = f"{name} says {_list(gives)}"
    if strange := [one for one in positive if one not in said | gives]:
        raise InputError(f"no label {strange[0]!r}: people say {_list(said)}, {its_own}")
    if (foreign := said - gives) and not (yes & said and yes & gives):
        raise InputError(
            f"people say {_list(foreign)}, and {its_own}: name as positive what counts as yes, "
            "people's labels and its own"
        )
    if not yes and negative not in gives:
        raise InputError(f"{its_own}: name as positive those that count as yes")
    return tuple(positive) or tuple(sorted((said | gives) - {negative}))


def _list(labels: Iterable[str]) -> str:
    return ", ".join(sorted(labels))
