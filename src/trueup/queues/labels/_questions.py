"""What a queue asks, and whether a label answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, get_args

from trueup.errors import InputError
from trueup.types import LABELS, Item, Question, QuestionKind

__all__ = ["check_questions", "checked_answers", "default_questions", "keys_of", "other_answers"]

_KINDS = get_args(QuestionKind)
_OWN = {"preference": "preference", "labels": "choices", "correction": "edit"}
"""The questions that `Label` has fields of their own for, and what kind each is."""


def default_questions(labels: Sequence[str] = LABELS) -> tuple[Question, ...]:
    """Return what a queue asks where nothing else is said: which is better, why, what is right."""
    return (
        Question("preference", "preference", "Which answer is better?", required=True),
        Question("labels", "choices", "What holds?", tuple(labels)),
        Question("correction", "edit", "What would be right?"),
    )


def check_questions(queue: str, questions: Sequence[Question]) -> None:
    """Check a label schema.

    Raises:
        InputError: names the question and what is wrong with it.
    """
    where = f"queue {queue}: "
    if not questions:
        raise InputError(f"{where}it asks nothing; give a question or more")
    names = [question.name for question in questions]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{where}two questions are called {min(repeated)!r}; rename one")
    for asked in questions:
        if reason := _fault(asked):
            raise InputError(f"{where}question {asked.name!r} {reason}")


def _fault(asked: Question) -> str:
    """Return what is wrong with a question, or ""."""
    if not asked.name.strip():
        return "has no name; give one"
    if asked.kind not in _KINDS:
        return f"is of kind {asked.kind!r}; give one of {', '.join(_KINDS)}"
    if asked.kind == "preference" and asked.name != "preference":
        return "asks for a preference: call it 'preference', so that it is found"
    if asked.name in _OWN and asked.kind != _OWN[asked.name]:
        return f"is of kind {asked.kind!r}, but that name is for {_OWN[asked.name]!r}"
    if len(set(asked.options)) < len(asked.options) or not all(asked.options):
        return f"has options {list(asked.options)} that repeat or are empty"
    if asked.kind == "choice" and len(asked.options) < 2:
        return "offers no choice; give two options or more"
    if asked.low is not None and asked.high is not None and asked.low >= asked.high:
        return f"runs from {asked.low:g} to {asked.high:g}; give a low end under the high one"
    return ""


def checked_answers(
    questions: Sequence[Question], item: Item, answers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the answers to the questions that `Label` has no field for, each in one written form.

    Raises:
        InputError: names the item, the question and what it takes.
    """
    asked = {q.name: q for q in questions if q.name not in _OWN}
    where = f"item {item.id}"
    if unknown := sorted(answers.keys() - asked.keys()):
        raise InputError(
            f"{where}: the queue does not ask {unknown[0]!r}; "
            f"it asks {', '.join(q.name for q in questions)}"
        )
    given = {name: value for name, value in answers.items() if value not in (None, "", [])}
    for name, question in asked.items():
        if name not in given:
            if question.required:
                raise InputError(f"{where}: {name!r} has no answer, and the queue requires one")
            continue
        try:
            given[name] = _CHECKS[question.kind](question, item, given[name])
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(f"{where}: {name!r} takes {_takes(question, item)}") from error
    return {name: given[name] for name in asked if name in given}


def other_answers(questions: Sequence[Question], item: Item) -> dict[str, str]:
    """Return what each question takes that `Label` has no field for, in words."""
    return {asked.name: _takes(asked, item) for asked in questions if asked.name not in _OWN}


def keys_of(item: Item) -> list[str]:
    """Return the keys of the item's answers."""
    return [answer.key for answer in item.answers]


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError


def _ranking(_: Question, item: Item, value: Any) -> list[str | list[str]]:
    groups = [sorted(g) if isinstance(g, list | tuple) else [g] for g in _listed(value)]
    _require(sorted(key for group in groups for key in group) == keys_of(item))
    return [group if len(group) > 1 else group[0] for group in groups]


def _choice(asked: Question, _: Item, value: Any) -> str:
    _require(value in asked.options)
    return str(value)


def _choices(asked: Question, _: Item, value: Any) -> list[str]:
    chosen = _listed(value)
    _require(all(name in asked.options for name in chosen) and len(set(chosen)) == len(chosen))
    return [name for name in asked.options if name in chosen]


def _number(asked: Question, _: Item, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError
    _require(asked.low is None or value >= asked.low)
    _require(asked.high is None or value <= asked.high)
    return float(value)


def _rating(asked: Question, item: Item, value: Any) -> int:
    low, high = _ends(asked)
    number = _number(asked, item, value)
    _require(number.is_integer() and low <= number <= high)
    return int(number)


def _thumbs(_: Question, __: Item, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(_: Question, __: Item, value: Any) -> str:
    _require(isinstance(value, str) and bool(value.strip()))
    return str(value).strip()


def _spans(asked: Question, item: Item, value: Any) -> list[dict[str, Any]]:
    texts = {answer.key: answer.text for answer in item.answers}
    found = []
    for span in _listed(value):
        start, end = span["start"], span["end"]
        _require(type(start) is int and type(end) is int)
        _require(0 <= start < end <= len(texts[span["answer"]]))
        label = span.get("label", "")
        _require(label in asked.options if asked.options else label == "")
        found.append({"answer": span["answer"], "start": start, "end": end, "label": label})
    return sorted(found, key=lambda s: (s["answer"], s["start"], s["end"], s["label"]))


def _steps(asked: Question, item: Item, value: Any) -> list[dict[str, Any]]:
    found = []
    for step in _listed(value):
        number, better = step["step"], step.get("better") or ""
        _require(type(number) is int and 0 <= number < _turns(item) and isinstance(better, str))
        _require(step["label"] in _step_labels(asked))
        found.append({"step": number, "label": step["label"], "better": better.strip()})
    _require(len({step["step"] for step in found}) == len(found))
    return sorted(found, key=lambda s: s["step"])


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def _turns(item: Item) -> int:
    """Return how many steps a trajectory has: the assistant's turns, and the answer shown."""
    return 1 + len([message for message in item.messages if message.get("role") == "assistant"])


def _step_labels(asked: Question) -> Iterable[str]:
    return asked.options or ("good", "neutral", "bad")


def _ends(asked: Question) -> tuple[float, float]:
    return (1 if asked.low is None else asked.low, 5 if asked.high is None else asked.high)


_CHECKS: Mapping[str, Callable[[Question, Item, Any], Any]] = {
    "ranking": _ranking,
    "choice": _choice,
    "choices": _choices,
    "number": _number,
    "rating": _rating,
    "thumbs": _thumbs,
    "span": _spans,
    "text": _text,
    "edit": _text,
    "steps": _steps,
}


def _takes(asked: Question, item: Item) -> str:
    """Say what a question takes."""
    low, high = _ends(asked)
    numbers = " and ".join(
        f"{word} {end:g}"
        for word, end in (("from", asked.low), ("to", asked.high))
        if end is not None
    )
    return {
        "ranking": f"each of {', '.join(keys_of(item))} once, best first; a list inside is a tie",
        "choice": f"one of {', '.join(asked.options)}",
        "choices": f"a list of some of {', '.join(asked.options)}, none twice",
        "number": f"a number {numbers}".strip(),
        "rating": f"a whole number from {low:g} to {high:g}",
        "thumbs": "true or false",
        "span": "a list of {answer, start, end, label}, in characters of the answer"
        + (f", labels {', '.join(asked.options)}" if asked.options else ""),
        "text": "a text",
        "edit": "an answer in full",
        "steps": f"a list of {{step, label, better}}, steps 0 to {_turns(item) - 1}, none twice, "
        f"labels {', '.join(_step_labels(asked))}",
    }[asked.kind]
