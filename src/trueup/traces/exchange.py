"""What one span was given and what it returned: an exchange that people can judge by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from trueup.errors import InputError
from trueup.traces import _names as names
from trueup.traces._reading import read_answer, read_context, read_messages, read_steps
from trueup.traces.messages import check_messages
from trueup.types import Message, Span

__all__ = ["Exchange", "read_exchange"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a span was given, what it returned, and the passages that it retrieved.

    Attributes:
        messages: a model's conversation; of any other span one user's turn with its input.
        answer: a text; a tool's result and retrieved passages are the answer of theirs.
        context: passages that it retrieved, where they are not the answer.
    """

    messages: tuple[Message, ...]
    answer: str
    context: tuple[str, ...] = ()


def read_exchange(span: Span) -> Exchange | None:
    """Return what a span was given and returned; None where it does not say both.

    Read are the messages and values of the GenAI conventions and of OpenInference
    (`llm.input_messages`, `input.value`, `output.value`), a tool's arguments and result, and the
    query and documents of a retrieval.
    """
    passages = read_context([span])
    given, answer = _given(span), _returned(span)
    if answer is None and passages:
        answer, passages = "\n\n".join(passages), ()
    if given is None or not answer:
        return None
    return Exchange(given, answer, passages)


def _given(span: Span) -> tuple[Message, ...] | None:
    calls = read_steps([span])
    has_value = isinstance(span.attributes.get(names.INPUT_VALUE), str)
    if calls and not has_value:
        return ({"role": "user", "content": calls[0].render()},)
    try:
        return check_messages(read_messages([span], [span]))
    except InputError:  # it has none, or none that can be read
        return None


def _returned(span: Span) -> str | None:
    if (result := span.attributes.get(names.TOOL_RESULT)) is not None:
        return _text(result)
    try:
        return read_answer([span], [span])
    except InputError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
