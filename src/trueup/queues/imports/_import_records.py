"""What other tools export, read into one form: a conversation, its answers, and who said what.

Read are the records of Argilla 2 (`records.to_json`, `to_list` and the flat columns of
`to_datasets`), the tasks of Label Studio (JSON, not JSON_MIN) and plain JSON lines. What a model
suggested there (suggestions, predictions) is nobody's label and is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trueup.errors import InputError
from trueup.queues.sources._fields import (
    ANSWERS,
    PROMPTS,
    answer_of,
    check_texts,
    checked,
    raw_records,
    read_about,
    read_prompt,
)
from trueup.queues.sources._outside import Shown
from trueup.store import content_hash

__all__ = ["Fields", "Given", "Record", "Tool", "read_records"]

Tool = Literal["argilla", "label_studio", "jsonl"]

_SPANS = ("labels", "hypertextlabels", "paragraphlabels")
_SUBMITTED = ("submitted", None)


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of a record are what.

    Attributes:
        prompt: the one with the prompt; None takes the usual names.
        answers: those with the answers, in their order; None takes the usual names.
        questions: the queue's question for each of the tool's, by name; None for one that is left
            out. Those that are not named keep their name.
        reviewer: who gave labels that name nobody.
    """

    prompt: str | None = None
    answers: Sequence[str] | None = None
    questions: Mapping[str, str | None] = field(default_factory=dict)
    reviewer: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What one reviewer said, by the queue's questions; see `_import_values`."""

    reviewer: str
    values: Mapping[str, Any]
    strength: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One record: what it shows, and what reviewers said of it."""

    shown: Shown
    given: tuple[Given, ...]


def read_records(path: Path, tool: Tool, fields: Fields) -> Iterator[tuple[int, Record | str]]:
    """Yield the records of a file with their numbers from 1, or what is wrong with one.

    Raises:
        InputError: the file cannot be read, or the tool is unknown.
    """
    if tool not in _READERS:
        raise InputError(f"source {tool!r} is none of {', '.join(_READERS)}")
    for number, raw in enumerate(raw_records(path), 1):
        try:
            if not isinstance(raw, Mapping):
                raise InputError("it is not a JSON object")
            check_texts(raw)
            yield number, _READERS[tool](raw, fields)
        except InputError as error:
            yield number, str(error)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            yield number, f"it is not as {tool} exports it ({type(error).__name__}: {error})"


def _from_argilla(raw: Mapping[str, Any], fields: Fields) -> Record:
    nested = isinstance(raw.get("fields"), Mapping)
    own = raw["fields"] if nested else {k: v for k, v in raw.items() if "." not in k}
    said = raw.get("responses") or {} if nested else _flat_responses(raw)
    by_user: dict[str, dict[str, Any]] = {}
    for question, responses in said.items():
        for response in responses or ():
            if response.get("status") in _SUBMITTED and response.get("value") is not None:
                user = _name(response.get("user_id"), fields)
                by_user.setdefault(user, {})[question] = response["value"]
    given = [Given(user, _renamed(values, fields)) for user, values in by_user.items()]
    about = raw.get("metadata") if nested else raw
    return _record(own, fields, about or {}, given)


def _flat_responses(raw: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the responses of a flat record in the form that nested ones have."""
    found = {}
    for key, values in raw.items():
        if not key.endswith(".responses") or values is None:
            continue
        users = raw.get(f"{key}.users") or [None] * len(values)
        statuses = raw.get(f"{key}.status") or [None] * len(values)
        found[key.removesuffix(".responses")] = [
            {"value": value, "user_id": user, "status": status}
            for value, user, status in zip(values, users, statuses, strict=True)
        ]
    return found


def _from_label_studio(raw: Mapping[str, Any], fields: Fields) -> Record:
    given = []
    for annotation in raw.get("annotations") or ():
        if annotation.get("was_cancelled"):
            continue
        values: dict[str, Any] = {}
        for result in annotation["result"]:
            _take_result(result, values)
        if values:
            user = annotation.get("completed_by")
            if isinstance(user, Mapping):
                user = user.get("email") or user.get("id")
            seconds = annotation.get("lead_time")
            given.append(Given(_name(user, fields), _renamed(values, fields), seconds=seconds))
    data = raw["data"]
    return _record(data, fields, {**data, **(raw.get("meta") or {})}, given)


def _take_result(result: Mapping[str, Any], values: dict[str, Any]) -> None:
    """Add one result to what the annotation says; regions of one name are a list."""
    kind, name = result["type"], result["from_name"]
    value = result["value"]
    if kind in _SPANS:
        span = {"start": value["start"], "end": value["end"], "label": (value[kind] or [""])[0]}
        values.setdefault(name, []).append({**span, "field": result["to_name"]})
    elif kind == "ranker":
        # one list is the new order; of several, which are buckets, none says what is better
        orders = [value["ranker"][key] for key in value["ranker"] if key != "_"]
        if len(orders) != 1:
            raise InputError(f"{name!r} sorts into {len(orders)} buckets, which is no ranking")
        values[name] = orders[0]
    elif kind == "pairwise":
        values[name] = value["selected"]
    elif kind in ("choices", "rating", "number"):
        values[name] = value[kind]
    elif kind == "textarea":
        text = value["text"]
        values[name] = text if isinstance(text, str) else "\n".join(text)
    else:
        raise InputError(
            f"{name!r} is of type {kind!r}; read are pairwise, ranker, choices, rating, number, "
            f"textarea, {', '.join(_SPANS)}"
        )


def _from_jsonl(raw: Mapping[str, Any], fields: Fields) -> Record:
    about = {**raw, **(raw.get("metadata") or {})}
    name = raw.get("annotator", raw.get("reviewer"))
    strength, seconds = raw.get("strength"), raw.get("seconds")
    prompt = raw.get(fields.prompt) if fields.prompt else raw.get("prompt", raw.get("messages"))
    if "completion" in raw:
        answers = [("completion", answer_of("completion", raw["completion"]))]
        label = raw.get("label")
        if label is not None and not isinstance(label, bool):
            raise InputError(f"label is {label!r}; give true or false")
        said = None if label is None else "completion" if label else "neither"
    else:
        better, worse = (answer_of(name, raw.get(name)) for name in ("chosen", "rejected"))
        # by content: a second reviewer who prefers the other one labels the same item
        texts = sorted((better, worse), key=content_hash)
        answers = [(f"answer-{number}", text) for number, text in enumerate(texts, 1)]
        said = next(key for key, text in answers if text == better)
    given = []
    if said is not None:
        given = [Given(_name(name, fields), {"preference": said}, strength, seconds)]
    shown = Shown(read_prompt(prompt), checked(answers), read_about(about))
    return Record(shown, tuple(given))


def _record(
    own: Mapping[str, Any], fields: Fields, about: Mapping[str, Any], given: Sequence[Given]
) -> Record:
    prompt = fields.prompt or next((name for name in PROMPTS if name in own), None)
    if prompt is None or own.get(prompt) is None:
        raise InputError(
            f"its prompt is none of its fields {', '.join(own)}; name it (`prompt`)"
            if fields.prompt is None
            else f"it has no field {prompt!r}; it has {', '.join(own)}"
        )
    names = fields.answers or [n for n in own if n != prompt and n.lower().startswith(ANSWERS)]
    if not names:
        raise InputError(
            f"which of its fields {', '.join(own)} are answers is not clear; name them (`answers`)"
        )
    answers: list[tuple[str, str]] = []
    for name in names:
        value = own.get(name)
        if isinstance(value, list) and value and "id" in value[0]:
            answers += [(str(entry["id"]), _entry_text(entry)) for entry in value]
        elif value is not None or fields.answers:
            answers.append((name, answer_of(name, value)))
    shown = Shown(read_prompt(own[prompt]), checked(answers), read_about(about))
    return Record(shown, tuple(given))


def _entry_text(entry: Mapping[str, Any]) -> str:
    """Return the text of an entry of a list to rank: its body, under one of the usual names."""
    found = next((entry[key] for key in ("text", "body", "html", "title") if entry.get(key)), None)
    return answer_of(str(entry["id"]), found)


def _name(user: Any, fields: Fields) -> str:
    name = "" if user is None else str(user)
    if not name and not fields.reviewer:
        raise InputError("a label of it names nobody; say whose they are (`reviewer`)")
    return name or str(fields.reviewer)


def _renamed(values: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    named = {fields.questions.get(key, key): value for key, value in values.items()}
    return {key: value for key, value in named.items() if key is not None}


_READERS: Mapping[str, Callable[[Mapping[str, Any], Fields], Record]] = {
    "argilla": _from_argilla,
    "label_studio": _from_label_studio,
    "jsonl": _from_jsonl,
}
