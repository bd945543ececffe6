"""Read training examples from files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from trueup.errors import InputError
from trueup.types import Example, Message

__all__ = ["read_examples"]


def read_examples(path: str | Path) -> list[Example]:
    """Read a JSON-lines file of examples.

    Each line holds an object with `prompt`, a string or a list of messages, and either `chosen`
    and `rejected`, or `completion`; each of those a string or the assistant's messages. `id` and
    `weight` are optional, and so is a completion's `label`: true where it is wanted.

    Raises:
        InputError: the file is missing or empty, or lines are not examples; names the lines.
    """
    try:
        # not splitlines: JSON leaves line separators such as U+2028 inside a string as they are
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give a JSON-lines file") from error
    examples, bad = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                examples.append(_example(line))
            except ValueError as error:
                bad.append(f"line {number}: {error}")
    if bad:
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise InputError(f"{path}: {'; '.join(bad[:3])}{more}; mend or remove them")
    if not examples:
        raise InputError(f"{path}: no examples in it; give one JSON object a line")
    return examples


def _example(line: str) -> Example:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError("not JSON") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (the line is named by the caller)
    weight = row.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise ValueError("weight is not a number")  # noqa: TRY004
    return Example(
        id=str(row.get("id") or sha256(line.encode()).hexdigest()[:16]),
        messages=_prompt(row),
        completions=_completions(row),
        weight=float(weight),
        desirable=_label(row),
    )


def _prompt(row: Mapping[str, Any]) -> tuple[Message, ...]:
    prompt = row.get("prompt")
    if isinstance(prompt, str) and prompt.strip():
        return ({"role": "user", "content": prompt},)
    if isinstance(prompt, list) and prompt and all(_is_message(m) for m in prompt):
        return tuple(prompt)
    raise ValueError("prompt is neither a text nor a list of messages with role and content")


def _completions(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("chosen", "rejected") if "chosen" in row else ("completion",)
    if "completion" in row and "chosen" in row:
        raise ValueError("both completion and chosen; give one of them")
    return tuple(_text(row.get(name), name) for name in names if name in row or name != "rejected")


def _label(row: Mapping[str, Any]) -> bool | None:
    label = row.get("label")
    if label is None or (isinstance(label, bool) and "completion" in row):
        return label
    if "completion" in row:
        raise ValueError("label is neither true nor false")
    raise ValueError("a label beside chosen; it belongs to a completion")


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 1 and _is_message(value[0]):
        content = value[0]["content"]
        if isinstance(content, str):
            return content
    raise ValueError(f"{name} is missing, or neither a text nor one assistant message")


def _is_message(value: Any) -> bool:
    """Say whether a value is a turn: with a text, or without one and with calls of tools."""
    if not isinstance(value, dict) or "role" not in value:
        return False
    content = value.get("content")
    return isinstance(content, str) or (content is None and bool(value.get("tool_calls")))
