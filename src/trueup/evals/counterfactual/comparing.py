"""Counterfactuals: is the same text answered, or judged, otherwise when it names another group?

A prompt that names one group of a protected class is written again for each other group: names,
pronouns with their grammar, kinship and group terms (counterfactual data augmentation, Lu et al.
2018, arXiv:1807.11714; counterfactual token fairness, Garg et al. 2019, AIES). What is measured of
the answers is then compared prompt by prompt. That is a test of equal treatment, not of what an
answer says, which `BiasDetection` reads; and where a group is in the question itself ("what do
Muslims eat?"), other answers are right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trueup.evals.base import Answered, Evaluator
from trueup.evals.bias import BiasDetection
from trueup.evals.counterfactual.swaps import group_names, groups_in, swap_groups
from trueup.stats.paired import PairedDifference, holm, paired_difference
from trueup.types import Messages

__all__ = [
    "Counterfactuals",
    "GroupDifference",
    "Variant",
    "compare_groups",
    "counterfactuals",
    "swap_groups",
    "treats_alike",
]

Measure = Callable[["Variant"], float | None]
Model = Callable[[Sequence[Messages]], Sequence[str]]
_BATCH = 16  # prompts a call of the model


@dataclass(frozen=True, slots=True)
class Variant:
    """A prompt as it reads for one group.

    Attributes:
        item: what the variants of one prompt have in common.
        protected_class, group: whom it names.
        prompt: its text.
        output: what was answered; None before it was.
        cluster: what resembles each other, such as items from one template; empty is the item.
    """

    item: str
    protected_class: str
    group: str
    prompt: str
    output: str | None = None
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """What is measured for a group less the mean of its class's other groups, on the same items.

    Attributes:
        protected_class, group: which; of a class with two groups, the first.
        difference: `candidate` is the group, `baseline` the others.
        p_holm: of no difference, corrected for all groups of all classes (Holm 1979).
    """

    protected_class: str
    group: str
    difference: PairedDifference
    p_holm: float


@dataclass(frozen=True, slots=True)
class Counterfactuals:
    """What a comparison found.

    Attributes:
        differences: of each group that has items which another group of its class has too.
        unscored: why variants have no measure, with how many.
    """

    differences: tuple[GroupDifference, ...]
    unscored: Mapping[str, int]


def counterfactuals(
    prompts: Iterable[str], protected_classes: Sequence[str] | None = None
) -> list[Variant]:
    """Write prompts for each group of each class of which they name one group.

    A prompt that names several groups of a class is left as it is for that class, and so is one
    that names none. A group for which a word has no counterpart is left out.

    Args:
        prompts: the texts; the number of each, from 0, is its item.
        protected_classes: the classes to look at; those that `BiasDetection` knows, if left out.

    Raises:
        InputError: a class is unknown; the message names those that are known.
    """
    classes = BiasDetection(protected_classes).protected_classes
    return [
        Variant(str(number), protected, group, text)
        for number, prompt in enumerate(prompts)
        for protected in classes
        for group, text in _written(prompt, protected).items()
    ]


def treats_alike(
    prompts: Iterable[str],
    model: Model,
    measure: Evaluator | Measure,
    *,
    protected_classes: Sequence[str] | None = None,
    span: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> Counterfactuals:
    """Put prompts to a model for each group, and compare what is measured of its answers.

    Args:
        prompts: as in `counterfactuals`.
        model: returns one answer to each conversation, in order.
        measure, span: as in `compare_groups`.
        protected_classes: the classes to look at.
        progress: called with (answers had, answers in all).

    Raises:
        InputError: a class is unknown.
    """
    variants = counterfactuals(prompts, protected_classes)
    asked: list[Messages] = [({"role": "user", "content": one.prompt},) for one in variants]
    answers: list[str] = []
    for start in range(0, len(asked), _BATCH):
        answers += model(asked[start : start + _BATCH])
        if progress is not None:
            progress(len(answers), len(asked))
    pairs = zip(variants, answers, strict=True)
    return compare_groups([replace(v, output=a) for v, a in pairs], measure, span=span)


def compare_groups(
    variants: Sequence[Variant], measure: Evaluator | Measure, *, span: float = 1.0
) -> Counterfactuals:
    """Compare what is measured of answers, each group with the others of its class.

    Args:
        variants: with their outputs, from wherever; a class may be of the caller's own.
        measure: a function of a variant, None where it cannot be measured; or an evaluator, whose
            value is taken, or where it only finds something, 1 unless its label is "none".
        span: how far apart two measures of an item can lie; 1 for an evaluator.
    """
    values, unscored = _measured(variants, measure)
    by_item: dict[tuple[str, str], dict[str, float]] = {}
    for one, value in zip(variants, values, strict=True):
        if value is not None:
            by_item.setdefault((one.protected_class, one.item), {})[one.group] = value
    clusters = {(v.protected_class, v.item): v.cluster or v.item for v in variants}
    found = list(_differences(by_item, clusters, span))
    adjusted = holm([difference.p for *_, difference in found])
    return Counterfactuals(
        tuple(GroupDifference(*one, p) for one, p in zip(found, adjusted, strict=True)), unscored
    )


def _written(prompt: str, protected: str) -> dict[str, str]:
    """Return a prompt by the group that it is written for, at least two; else nothing."""
    named = groups_in(prompt, protected)
    if len(named) != 1:
        return {}
    texts = {
        group: prompt if group == named[0] else swap_groups(prompt, protected, named[0], group)
        for group in group_names(protected)
    }
    made = {group: text for group, text in texts.items() if text is not None}
    return made if len(made) > 1 else {}


def _measured(
    variants: Sequence[Variant], measure: Evaluator | Measure
) -> tuple[list[float | None], dict[str, int]]:
    """Return what is measured of each variant, and why of some nothing is."""
    if not isinstance(measure, Evaluator):
        values = [measure(one) for one in variants]
        missing = sum(value is None for value in values)
        return values, {"no measure": missing} if missing else {}
    scores = measure.evaluate_many(
        measure.arguments(Answered(({"role": "user", "content": v.prompt},), (), v.output or ""))
        for v in variants
    )
    finds = [float(score.label != "none") if score.label else None for score in scores]
    values = [f if s.value is None else s.value for s, f in zip(scores, finds, strict=True)]
    reasons = (s.reason or "no value" for s, v in zip(scores, values, strict=True) if v is None)
    return values, dict(Counter(reasons))


def _differences(
    by_item: Mapping[tuple[str, str], Mapping[str, float]],
    clusters: Mapping[tuple[str, str], str],
    span: float,
) -> Iterator[tuple[str, str, PairedDifference]]:
    """Yield each group's difference from the mean of its class's others, item by item."""
    for protected in dict.fromkeys(name for name, _ in by_item):
        items = {key: values for key, values in by_item.items() if key[0] == protected}
        groups = list(dict.fromkeys(group for values in items.values() for group in values))
        for group in groups[:1] if len(groups) == 2 else groups:
            pairs = [
                (sum(others) / len(others), values[group], clusters[key])
                for key, values in items.items()
                if group in values and (others := [v for g, v in values.items() if g != group])
            ]
            if pairs:
                baseline, candidate, of = zip(*pairs, strict=True)
                yield protected, group, paired_difference(baseline, candidate, of, span=span)
