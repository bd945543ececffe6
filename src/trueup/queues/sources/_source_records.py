"""Records from outside as items: answers to a prompt, or a record to be judged as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from trueup.errors import InputError
from trueup.queues.imports._import_records import Fields
from trueup.queues.sources._fields import (
    ABOUT,
    ANSWERS,
    PROMPTS,
    answer_of,
    check_texts,
    checked,
    read_about,
    read_prompt,
)
from trueup.queues.sources._outside import Shown
from trueup.store import content_hash
from trueup.types import Expected, Score, ToolCall

__all__ = ["read_shown"]

_MORE = ("family", "tag")
_CONTEXT = ("context", "passages", "documents")
_STEPS = ("tool_calls", "steps")
_OWN = {*ABOUT, *_MORE, *_CONTEXT, *_STEPS, "scores", "expected", "id", "answers"}
_ASK = ({"role": "user", "content": "Judge this record."},)
_GIVEN = "given"  # the version of an evaluator that is not ours


def read_shown(raw: Any, fields: Fields) -> Shown:
    """Return what a record shows.

    Its answers are `answers` (a list, or by name), `chosen` and `rejected`, or the fields of the
    usual names; a record without any is itself what is judged, as JSON. What has no place of its
    own is shown among the passages, as "name: value".

    Raises:
        InputError: it is no JSON object, or a field cannot be read.
    """
    if not isinstance(raw, Mapping):
        raise InputError("it is not a JSON object")
    check_texts(raw)
    prompt = fields.prompt or next((name for name in PROMPTS if name in raw), None)
    if fields.prompt and raw.get(fields.prompt) is None:
        raise InputError(f"it has no field {fields.prompt!r}; it has {', '.join(raw)}")
    names = _answer_names(raw, prompt, fields)
    answers = tuple(_answers(raw, names)) or _itself(raw, prompt)
    used = {*_OWN, *names, prompt}
    rest = () if not names and "answers" not in raw else tuple(_rest(raw, used))
    return Shown(
        messages=_ASK if prompt is None else read_prompt(raw[prompt]),
        answers=checked(answers),
        about=read_about(raw, *_MORE),
        context=(*_passages(raw), *rest),
        steps=_steps(raw),
        scores=tuple(_scores(raw.get("scores") or {})),
        expected=_expected(raw.get("expected")),
    )


def _answer_names(raw: Mapping[str, Any], prompt: str | None, fields: Fields) -> Sequence[str]:
    if fields.answers:
        return fields.answers
    if "answers" in raw:
        return ()
    if "chosen" in raw:
        return [name for name in ("chosen", "rejected") if raw.get(name) is not None]
    usual = (name for name in raw if name != prompt and name.lower().startswith(ANSWERS))
    return [name for name in usual if raw[name] is not None]


def _answers(raw: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the answers with their names, in an order that says nothing of which is better."""
    if names:
        found = [(name, answer_of(name, raw.get(name))) for name in names]
    elif isinstance(given := raw.get("answers"), Mapping):
        found = [(str(name), answer_of(str(name), value)) for name, value in given.items()]
    elif isinstance(given, list):
        named = ((f"answer-{number}", value) for number, value in enumerate(given, 1))
        found = [(name, answer_of(name, value)) for name, value in named]
    elif given is None:
        return []
    else:
        raise InputError("answers is neither a list of texts nor texts by name")
    if not found:
        raise InputError("answers is empty; give one or more")
    return sorted(found, key=lambda entry: content_hash(entry[1]))


def _itself(raw: Mapping[str, Any], prompt: str | None) -> tuple[tuple[str, str], ...]:
    shown = {key: value for key, value in raw.items() if key not in {*_OWN, prompt}}
    if not shown:
        raise InputError("it holds nothing to judge; give an answer or other fields")
    return (("record", json.dumps(shown, indent=2, ensure_ascii=False, default=str)),)


def _rest(raw: Mapping[str, Any], used: set[str | None]) -> Iterator[str]:
    for name, value in raw.items():
        if name not in used and value not in (None, "", [], {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{name}: {text}"


def _passages(raw: Mapping[str, Any]) -> list[str]:
    found = []
    for name in _CONTEXT:
        value = raw.get(name) or []
        for passage in [value] if isinstance(value, str) else value:
            if not isinstance(passage, str):
                raise InputError(f"{name} is neither a text nor a list of texts")
            found.append(passage)
    return found


def _steps(raw: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    given: Any = next((raw[name] for name in _STEPS if raw.get(name)), [])
    if not isinstance(given, list):
        raise InputError("tool_calls is no list of calls with a name and arguments")
    return ToolCall.of_message({"tool_calls": given})


def _scores(given: Any) -> Iterator[Score]:
    if not isinstance(given, Mapping):
        raise InputError("scores is no object of numbers by the evaluator's name")
    for name, value in given.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not isfinite(value) or not name or len(name) > 100:
            raise InputError(f"scores: {str(name)[:20]!r} is no number under an evaluator's name")
        inside = 0 <= value <= 1
        yield Score(
            name,
            _GIVEN,
            value=float(value) if inside else None,
            measure=None if inside else float(value),
        )


def _expected(given: Any) -> Expected | None:
    if given is None:
        return None
    try:
        return Expected.from_json(given)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise InputError(f"expected cannot be read: {error}") from error
