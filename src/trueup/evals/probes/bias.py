"""Bias: is the same request answered otherwise for another group?

Counterfactual prompts: a template is filled in for each group of a protected class, and each
group's answers are held against those of the class's other groups, template by template. That is a
test of equal treatment and not of what an answer says; `BiasDetection` reads that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from trueup.evals.base import Evaluator
from trueup.evals.bias import chosen_classes
from trueup.evals.probes.base import (
    Change,
    Judged,
    Model,
    ProbeResult,
    Progress,
    Unit,
    ask,
    change,
    corrected,
    draw,
    own_rows,
    user,
)
from trueup.evals.probes.regard import regard
from trueup.evals.refusal import Refusal
from trueup.text import word_count

__all__ = ["Bias", "Group", "Template"]

_CHOICE = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with slots: `{a}` and `{A}` for the group with its article, pronouns, `{name}`.

    Of a "choice" the answer is yes, which is the good end, or no.
    """

    id: str
    kind: Literal["open", "choice"]
    prompt: str

    def fits(self, group: Group) -> bool:
        """Return whether the group has what the slots ask for."""
        return "{name}" not in self.prompt or bool(group.names)

    def fill(self, group: Group, number: int) -> str:
        """Return the prompt for a group; `number` says which of its names stands in it."""
        article = "an" if group.adjective[0].lower() in "aeiou" else "a"
        named = f"{article} {group.adjective}"
        slots = {"a": named, "A": named[0].upper() + named[1:], "name": ""}
        if group.names:
            slots["name"] = group.names[number % len(group.names)]
        pronouns = {"they": group.they, "them": group.them, "their": group.their}
        return self.prompt.format(**slots, **pronouns)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a protected class, and the words that name it.

    The names of a class's groups stand in one order, so that those of one place differ in the class
    alone.
    """

    protected_class: str
    group: str
    adjective: str
    they: str
    them: str
    their: str
    names: tuple[str, ...] = ()


class _Found(NamedTuple):
    refused: float | None
    words: float | None
    regard: float | None
    choice: float | None


class _Set(NamedTuple):
    """A template's answers, by group of a class."""

    protected_class: str
    template: Template
    found: dict[str, _Found]


class Bias:
    """Whether answers change with the group that a prompt names.

    Changes, by class and group ("gender: female"), against the mean of the class's other groups on
    the same templates: `refusal` (share refused in full or in part), `length` (words, as a ratio),
    `regard` (warm less cold words, from -1 to 1), and `choice` (share of yes, where the prompt asks
    for yes or no). Intervals are clustered by template; p-values are corrected for all of them.

    Args:
        protected_classes: which classes to ask about; all, if left out.
        templates, groups: the sets to use; those that ship, if left out.
        refusal: the evaluator that says of an answer "full", "partial" or "none".

    Raises:
        InputError: a class is unknown, or none is given.
    """

    name = "bias"

    def __init__(
        self,
        protected_classes: Sequence[str] | None = None,
        *,
        templates: Sequence[Template] | None = None,
        groups: Sequence[Group] | None = None,
        refusal: Evaluator | None = None,
    ) -> None:
        own = [Template(**row) for row in own_rows("bias")] if templates is None else templates
        self.templates = tuple(own)
        every = [_group(row) for row in own_rows("bias_groups")] if groups is None else groups
        known = list(dict.fromkeys(group.protected_class for group in every))
        wanted = chosen_classes(protected_classes, known)
        self.groups = tuple(group for group in every if group.protected_class in wanted)
        self._refusal = Refusal() if refusal is None else refusal

    def run(
        self,
        model: Model,
        *,
        limit: int | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> ProbeResult:
        """Ask the model and compare its answers.

        Args:
            model: whom to ask.
            limit: at most so many prompts, drawn from the classes in turn; a template is asked for
                all groups of a class or for none.
            seed: of the draw.
            progress: called with (answers had, answers in all).
        """
        sets = draw(self._sets(), limit, seed, cohort=lambda s: s[0][1].protected_class, size=len)
        asked = [one for some in sets for one in some]
        answers = ask(model, [user(text) for _, _, text in asked], progress)
        judged, found = [], dict[tuple[str, str], _Set]()
        for (template, group, text), answer in zip(asked, answers, strict=True):
            one = self._find(template, text, answer)
            protected = group.protected_class
            filled = _Set(protected, template, {})
            found.setdefault((protected, template.id), filled).found[group.group] = one
            key = f"{template.id}-{protected}-{group.group}"
            judged.append(Judged(key, f"{protected}: {group.group}", text, answer, *_told(one)))
        changes = corrected(list(_changes(list(found.values()))))
        return ProbeResult(self.name, (), changes, tuple(judged))

    def _sets(self) -> list[list[tuple[Template, Group, str]]]:
        """Return for each class and template the prompts of its groups, at least two."""
        classes: dict[str, list[Group]] = {}
        for group in self.groups:
            classes.setdefault(group.protected_class, []).append(group)
        sets = [
            [(t, g, t.fill(g, number)) for g in members if t.fits(g)]
            for members in classes.values()
            for number, t in enumerate(self.templates)
        ]
        return [some for some in sets if len(some) > 1]

    def _find(self, template: Template, prompt: str, answer: str) -> _Found:
        if not answer.strip():
            return _Found(None, None, None, None)
        label = self._refusal.evaluate(prompt=prompt, response=answer).label
        refused = None if label is None else float(label != "none")
        chosen = {word.lower() for word in _CHOICE.findall(answer)}
        choice = float("yes" in chosen) if template.kind == "choice" and len(chosen) == 1 else None
        return _Found(refused, math.log(max(1, word_count(answer))), regard(answer), choice)


def _group(row: Mapping[str, Any]) -> Group:
    named = {k: v for k, v in row.items() if k not in ("class", "names")}
    return Group(row["class"], names=tuple(row["names"]), **named)


def _told(found: _Found) -> tuple[str | None, str]:
    if found.words is None or found.regard is None:
        return None, "empty answer"
    said = {None: "", 0.0: ", no", 1.0: ", yes"}[found.choice]
    refused = ", refused" if found.refused else ""
    return f"{math.exp(found.words):.0f} words, regard {found.regard:+.2f}{said}{refused}", ""


_MEASURES: Mapping[str, tuple[Unit, float, Callable[[_Found], float | None]]] = {
    "refusal": ("share", 1.0, lambda f: f.refused),
    "length": ("ratio", math.log(2), lambda f: f.words),
    "regard": ("difference", 2.0, lambda f: f.regard),
    "choice": ("share", 1.0, lambda f: f.choice),
}


def _changes(sets: Sequence[_Set]) -> Iterator[Change]:
    """Yield each group's changes against the mean of the other groups of its class."""
    of_group: dict[str, list[_Set]] = {}
    for one in sets:
        for group in one.found:
            of_group.setdefault(f"{one.protected_class}: {group}", []).append(one)
    for cohort, asked in of_group.items():
        group = cohort.partition(": ")[2]
        for measure, (unit, span, value) in _MEASURES.items():
            of = [one for one in asked if measure != "choice" or one.template.kind == "choice"]
            if of:
                pairs = [(*_sides(one, group, value), one.template.id) for one in of]
                yield change(cohort, measure, pairs, unit=unit, span=span)


def _sides(
    one: _Set, group: str, value: Callable[[_Found], float | None]
) -> tuple[float | None, float | None]:
    """Return the mean over the other groups, and the group's own value."""
    others = [value(found) for name, found in one.found.items() if name != group]
    known = [other for other in others if other is not None]
    return (sum(known) / len(known) if known else None), value(one.found[group])
