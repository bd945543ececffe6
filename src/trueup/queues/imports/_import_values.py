"""From what another tool's reviewer said to a label of this queue's schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from trueup.errors import InputError
from trueup.queues.imports._import_records import Given
from trueup.store.queues import QueueRow
from trueup.types import Item, Label, Question

__all__ = ["to_label"]

_PLAIN_STRENGTH = 1  # a choice without a degree claims no more than "slightly"
_SIDES = {"left": 0, "right": 1}


def to_label(queue: QueueRow, item: Item, given: Given) -> Label:
    """Return what a reviewer said as a label; whether it fits is for `admit` to say.

    A preference may be a key, the name of an answer's field, "left" or "right", or a ranking; a
    ranking a list of names, best first, or of `{"value", "rank"}`.

    Raises:
        InputError: the queue does not ask what was answered, or an answer names nothing there is.
    """
    asked = {question.name: question for question in queue.questions}
    said = {}
    for name, value in given.values.items():
        if name not in asked:
            raise InputError(
                f"queue {queue.name} does not ask {name!r}; it asks {', '.join(asked)}: say which "
                "of these it is, or that it is left out (`questions`)"
            )
        question = asked[name]
        said[name] = _READ.get(question.kind, _as_is)(question, item, value)
    preferred = said.pop("preference", None)
    labels, correction = said.pop("labels", ()), said.pop("correction", None)
    return Label(
        preferred,
        _strength(item, preferred, given.strength),
        tuple(labels),
        correction,
        given.seconds,
        said,
    )


def _strength(item: Item, preferred: str | None, given: int | None) -> int:
    if preferred in (None, "tie", "neither"):
        return 0
    if given is not None:
        return given
    return _PLAIN_STRENGTH if len(item.answers) > 1 else 0


def _key(question: Question, item: Item, name: Any) -> str:
    """Return the key of the answer that is meant."""
    keys = [answer.key for answer in item.answers]
    if name in _SIDES and len(keys) == 2:
        return keys[_SIDES[name]]
    for answer in item.answers:
        if name in (answer.source, answer.key):
            return answer.key
    names = ", ".join(answer.source for answer in item.answers)
    raise InputError(f"{question.name!r} names {name!r}, which is none of its answers {names}")


def _preference(question: Question, item: Item, value: Any) -> str:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if isinstance(value, list):
        best = _ranking(question, item, value)[0]
        return best if isinstance(best, str) else "tie"
    return value if value in ("tie", "neither") else _key(question, item, value)


def _ranking(question: Question, item: Item, value: Any) -> list[str | list[str]]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{question.name!r} is no ranking but {value!r}")
    if not all(isinstance(entry, Mapping) for entry in value):
        return [_key(question, item, name) for name in value]
    ordered = sorted(value, key=_rank)
    groups = [list(some) for _, some in groupby(ordered, key=_rank)]
    keys = [[_key(question, item, entry["value"]) for entry in some] for some in groups]
    return [some if len(some) > 1 else some[0] for some in keys]


def _rank(entry: Mapping[str, Any]) -> int:
    return int(entry["rank"])


def _choice(_: Question, __: Item, value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _choices(_: Question, __: Item, value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _spans(question: Question, item: Item, value: Any) -> list[dict[str, Any]]:
    found = []
    for span in value:
        field = span.get("field")
        if field is None and len(item.answers) > 1:
            raise InputError(f"{question.name!r} does not say which answer its spans are in")
        # the name of what is shown is often one of the tool's own; one answer can only be that one
        alone = len(item.answers) == 1
        key = item.answers[0].key if alone else _key(question, item, field)
        label = (span.get("label") or "") if question.options else ""
        found.append({"answer": key, "start": span["start"], "end": span["end"], "label": label})
    return found


def _as_is(_: Question, __: Item, value: Any) -> Any:
    return value


_READ: Mapping[str, Callable[[Question, Item, Any], Any]] = {
    "preference": _preference,
    "ranking": _ranking,
    "choice": _choice,
    "choices": _choices,
    "span": _spans,
}
