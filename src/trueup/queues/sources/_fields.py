"""What fields of records from outside hold: prompts, answers, and what is known beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trueup.errors import InputError
from trueup.types import Message

__all__ = [
    "ABOUT",
    "ANSWERS",
    "PROMPTS",
    "answer_of",
    "check_texts",
    "checked",
    "raw_records",
    "read_about",
    "read_prompt",
]

ABOUT = ("cohort", "question_type", "conversation_id")
PROMPTS = ("messages", "prompt", "instruction", "question", "query", "input", "chat")
ANSWERS = (
    "response",
    "answer",
    "completion",
    "generation",
    "output",
    "candidate",
    "text",
    "items",
)


def raw_records(path: Path) -> Iterator[Any]:
    """Yield the values of a file of JSON, JSON lines or Parquet; None for a line that is no JSON.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        if path.suffix == ".parquet":
            yield from _table(path)
            return
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; give the file that was exported") from error
    if text.lstrip().startswith("["):
        try:
            yield from json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is not JSON: {error}; export it again") from error
        return
    # not splitlines: JSON leaves line separators such as U+2028 inside a string as they are
    for line in text.split("\n"):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def check_texts(value: Any) -> None:
    """Refuse texts that no database holds: with a null character, or half of a surrogate pair."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise InputError("a text of it has a null character or half of a surrogate pair in it")
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            check_texts(part)


def read_prompt(value: Any) -> tuple[Message, ...]:
    """Return a prompt's messages: a text is a user's turn.

    Raises:
        InputError: it is neither a text nor a list of messages.
    """
    if isinstance(value, str) and value.strip():
        return ({"role": "user", "content": value},)
    if isinstance(value, list) and value:
        turns = [turn for turn in value if isinstance(turn, Mapping)]
        fit = [t for t in turns if isinstance(t.get("role"), str) and ("content" in t)]
        if len(fit) == len(value):
            return tuple({k: v for k, v in turn.items() if v is not None} for turn in fit)
    raise InputError("its prompt is neither a text nor a list of messages with role and content")


def answer_of(name: str, value: Any) -> str:
    """Return an answer's text: a text, or a list with one message.

    Raises:
        InputError: it is neither, or empty.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        value = value[0].get("content")
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} is missing, empty, or neither a text nor one message")
    return value


def checked(answers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the answers, of which no two may be the same."""
    if len({text for _, text in answers}) < len(answers):
        raise InputError("two of its answers are the same; there is nothing to prefer")
    return tuple(answers)


def read_about(given: Mapping[str, Any], *more: str) -> dict[str, str]:
    """Return what a record says an item is known by: those of `ABOUT`, and `more`."""
    names = (*ABOUT, *more)
    return {name: str(given[name]) for name in names if given.get(name) not in (None, "")}


def _table(path: Path) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1000):
            yield from batch.to_pylist()
