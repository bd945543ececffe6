"""A label schema as people write it: TOML, or JSON."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from trueup.errors import InputError
from trueup.queues.labels._questions import check_questions
from trueup.queues.sources._fields import check_texts
from trueup.types import Question

__all__ = ["parse_questions", "spell_questions"]

_NAMES = ("question", "questions")


class _Asked(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    name: str
    kind: str
    title: str = ""
    options: list[str] = []
    low: float | None = None
    high: float | None = None
    required: bool = False


def parse_questions(text: str) -> tuple[Question, ...]:
    """Read what a queue is to ask from TOML, a `[[question]]` each, or from JSON, a list of them.

    Raises:
        InputError: it is neither, or a question makes no sense; names it and what is wrong.
    """
    found = []
    for number, entry in enumerate(_entries(text), 1):
        check_texts(entry)
        try:
            asked = _Asked.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise InputError(f"question {number}: {where}: {first['msg']}") from error
        found.append(Question(**asked.model_dump() | {"options": tuple(asked.options)}))
    check_questions("schema", found)
    return tuple(found)


def spell_questions(questions: Sequence[Question]) -> str:
    """Return a label schema as TOML, which `parse_questions` reads back."""
    blocks = []
    for asked in questions:
        values: dict[str, Any] = {"name": asked.name, "kind": asked.kind}
        values |= {"title": asked.title} if asked.title else {}
        values |= {"options": list(asked.options)} if asked.options else {}
        values |= {k: v for k, v in (("low", asked.low), ("high", asked.high)) if v is not None}
        values |= {"required": True} if asked.required else {}
        lines = [f"{name} = {_spelt(value)}" for name, value in values.items()]
        blocks.append("\n".join(["[[question]]", *lines]) + "\n")
    return "\n".join(blocks)


def _spelt(value: Any) -> str:
    """Return a value as TOML writes it, where strings and lists are those of JSON."""
    # JSON leaves one control character as it is that TOML wants escaped
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _entries(text: str) -> Sequence[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise InputError(f"questions: neither TOML nor JSON: {error}") from error
    if isinstance(found, Mapping):
        if set(found) - set(_NAMES) or len(found) != 1:
            raise InputError(
                f"questions: it holds {', '.join(map(str, found)) or 'nothing'}; write a "
                "[[question]] for each question and nothing else"
            )
        (found,) = found.values()
    if not isinstance(found, list):
        raise InputError("questions: it is no list; write a [[question]] for each question")
    return found
