"""What the attributes of a trace's spans say, whichever of the two conventions wrote them.

Spans come in order of time throughout.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trueup.errors import InputError
from trueup.traces import _names as names
from trueup.traces.messages import answer_text, from_parts
from trueup.types import Span, ToolCall

__all__ = [
    "read_answer",
    "read_context",
    "read_first",
    "read_messages",
    "read_steps",
    "read_total",
    "roots_and_models",
]

_MODEL_OPERATIONS = ("chat", "text_completion", "generate_content")


def roots_and_models(spans: Sequence[Span]) -> tuple[Span, tuple[Span, ...]]:
    """Return the first span without a parent among them, and those that are calls of a model.

    Raises:
        InputError: there are no spans, or each one has a parent.
    """
    if not spans:
        raise InputError("spans: there are none")
    known = {span.span_id for span in spans}
    root = next((s for s in spans if s.parent_id is None or s.parent_id not in known), None)
    if root is None:
        raise InputError("spans: each one has a parent, so they are no tree")
    models = tuple(
        s
        for s in spans
        if s.attributes.get(names.OPERATION) in _MODEL_OPERATIONS
        or s.attributes.get(names.KIND) == "LLM"
    )
    return root, models


def read_first(spans: Sequence[Span], *keys: str) -> str | None:
    """Return the first span's text under one of `keys`, earlier keys first.

    Raises:
        InputError: it is not a text.
    """
    for key in keys:
        for span in spans:
            value = span.attributes.get(key)
            if value is not None and not isinstance(value, str):
                raise InputError(f"{key}: a text is needed, not {type(value).__name__}")
            if value:
                return value
    return None


def read_total(spans: Sequence[Span], *keys: str) -> int | None:
    """Return the sum over the spans of the count that each has under the first of `keys`.

    Raises:
        InputError: one is not a whole number.
    """
    counts = []
    for span in spans:
        key = next((k for k in keys if span.attributes.get(k) is not None), None)
        if key is None:
            continue
        value = span.attributes[key]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise InputError(f"{key}: a count is needed, not {value!r}")
        counts.append(value)
    return sum(counts) if counts else None


def read_messages(spans: Sequence[Span], models: Sequence[Span]) -> list[Any]:
    """Return the conversation that the last call of a model was given, in the OpenAI shape.

    Raises:
        InputError: no span carries one.
    """
    for span in (*reversed(models), *spans):
        if names.INPUT_MESSAGES in span.attributes:
            messages = _parsed_list(span, names.INPUT_MESSAGES)
            instructions = _instructions(span)
            has_system = any(isinstance(m, Mapping) and m.get("role") == "system" for m in messages)
            return (instructions if not has_system else []) + [from_parts(m) for m in messages]
        if flat := _flat_messages(span, names.FLAT_INPUT):
            return flat
    for span in spans:
        if isinstance(value := span.attributes.get(names.INPUT_VALUE), str):
            return [{"role": "user", "content": value}]
    raise InputError(
        f"no conversation: no span has {names.INPUT_MESSAGES}, {names.FLAT_INPUT} "
        f"or {names.INPUT_VALUE}"
    )


def read_answer(spans: Sequence[Span], models: Sequence[Span]) -> str:
    """Return the text of the last message that the last call of a model gave.

    Raises:
        InputError: no span carries one.
    """
    for span in (*reversed(models), *spans):
        if names.OUTPUT_MESSAGES in span.attributes:
            messages = [from_parts(m) for m in _parsed_list(span, names.OUTPUT_MESSAGES)]
        else:
            messages = _flat_messages(span, names.FLAT_OUTPUT)
        if messages and isinstance(messages[-1], Mapping):
            return answer_text(messages[-1])
    for span in spans:
        if isinstance(value := span.attributes.get(names.OUTPUT_VALUE), str):
            return value
    raise InputError(
        f"no answer: no span has {names.OUTPUT_MESSAGES}, {names.FLAT_OUTPUT} "
        f"or {names.OUTPUT_VALUE}"
    )


def read_context(spans: Sequence[Span]) -> tuple[str, ...]:
    """Return every retrieved passage, in order."""
    passages: list[str] = []
    for span in spans:
        flat = _flat(span.attributes, names.DOCUMENTS)
        passages += [text for d in flat if isinstance(text := d.get(names.DOCUMENT_CONTENT), str)]
        for key in (names.DOCUMENTS, names.RETRIEVED):
            if not flat and key in span.attributes:
                passages += [t for d in _parsed_list(span, key) if (t := _passage(d)) is not None]
    return tuple(passages)


def read_steps(spans: Sequence[Span]) -> tuple[ToolCall, ...]:
    """Return the tool calls of the tool spans, by `agent.trajectory.step` and then by time."""
    found: list[tuple[float, int, ToolCall]] = []
    for place, span in enumerate(spans):
        attributes = span.attributes
        is_tool = attributes.get(names.OPERATION) == "execute_tool"
        if not is_tool and attributes.get(names.KIND) != "TOOL":
            continue
        name = attributes.get(names.TOOL_NAME, attributes.get(names.OLD_TOOL_NAME, span.name))
        raw = attributes.get(names.TOOL_ARGUMENTS, attributes.get(names.OLD_TOOL_ARGUMENTS))
        raw = attributes.get(names.INPUT_VALUE) if raw is None else raw
        (call,) = ToolCall.of_message({"tool_calls": [{"name": name, "arguments": raw}]})
        step = attributes.get(names.TRAJECTORY_STEP)
        order = step if isinstance(step, int | float) else float("inf")
        found.append((order, place, call))
    return tuple(call for _, _, call in sorted(found, key=lambda entry: entry[:2]))


def _parsed_list(span: Span, key: str) -> list[Any]:
    value = span.attributes[key]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InputError(f"{key} of span {span.span_id}: broken JSON ({error})") from error
    if not isinstance(value, list):
        raise InputError(f"{key} of span {span.span_id}: a list is needed")
    return value


def _instructions(span: Span) -> list[Any]:
    if names.SYSTEM_INSTRUCTIONS not in span.attributes:
        return []
    parts = _parsed_list(span, names.SYSTEM_INSTRUCTIONS)
    return [from_parts({"role": "system", "parts": parts})]


def _passage(document: Any) -> str | None:
    if isinstance(document, str):
        return document
    if not isinstance(document, Mapping):
        return None
    texts = (document.get(key) for key in (names.DOCUMENT_CONTENT, "content", "text"))
    return next((text for text in texts if isinstance(text, str)), None)


def _flat(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Gather `prefix.<i>.<rest>` into one dictionary of `rest` for each i, in order."""
    pattern = re.compile(re.escape(prefix) + r"\.(\d{1,6})\.(.+)")
    entries: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if match := pattern.fullmatch(key):
            entries.setdefault(int(match[1]), {})[match[2]] = value
    return [entries[i] for i in sorted(entries)]


def _flat_messages(span: Span, prefix: str) -> list[dict[str, Any]]:
    messages = []
    for entry in _flat(span.attributes, prefix):
        calls = [
            {
                "id": call.get(names.CALL_ID),
                "function": {
                    "name": call.get(names.CALL_NAME),
                    "arguments": call.get(names.CALL_ARGUMENTS),
                },
            }
            for call in _flat(entry, names.MESSAGE_TOOL_CALLS)
        ]
        messages.append(
            {
                "role": entry.get(names.MESSAGE_ROLE),
                "content": entry.get(names.MESSAGE_CONTENT),
                "tool_call_id": entry.get(names.MESSAGE_TOOL_CALL_ID),
                "tool_calls": calls or None,
            }
        )
    return messages
