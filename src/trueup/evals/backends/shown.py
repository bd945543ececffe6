"""What evaluators are given, written out for a judge to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueup.errors import InputError
from trueup.evals._calls import read_expected
from trueup.types import AnyOf, Expected, Message, ToolCall, Trace

__all__ = ["goals", "shown"]


def shown(name: str, value: Any) -> str | tuple[str, ...]:
    """Return a text, texts, a conversation, a trace or what is expected as text.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(value, str):
        return value
    if name == "expected":
        wanted = read_expected(value)
        return () if wanted is None else goals(wanted)
    if isinstance(value, Trace):
        steps = [{"role": "assistant", "content": call.render()} for call in value.steps]
        answer = [{"role": "assistant", "content": value.answer}]
        # the last calls may be in the answer already
        told = steps if value.steps != ToolCall.parse_all(value.answer) else []
        return _conversation([*value.messages, *told, *answer])
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        if all(isinstance(one, str) for one in value):
            return tuple(value)
        if all(isinstance(one, Mapping) for one in value):
            return _conversation(value)
    raise InputError(f"{name}: a text or texts are needed, not {type(value).__name__}")


def goals(wanted: Expected) -> tuple[str, ...]:
    """Return what is expected as goals, one a line."""
    return tuple(_goals(wanted))


def _goals(wanted: Expected) -> Iterator[str]:
    if wanted.outcome:
        yield f"outcome: {wanted.outcome}"
    if wanted.calls == ():
        yield "calls no tool"
    for call in wanted.calls or ():
        arguments = ", ".join(f"{key} = {_choice(value)}" for key, value in call.arguments.items())
        yield f"calls {call.name}({arguments})"
    for fact in wanted.facts:
        yield f"tells the user: {fact if isinstance(fact, str) else ' or '.join(fact)}"
    for name in wanted.forbidden:
        yield f"does not call {name}, which is forbidden"
    if wanted.refuse is not None:
        yield "refuses the request" if wanted.refuse else "does not refuse the request"


def _choice(value: Any) -> str:
    values = value.values if isinstance(value, AnyOf) else (value,)
    return " or ".join(
        "left out" if one is None else json.dumps(one, ensure_ascii=False, default=str)
        for one in values
    )


def _conversation(messages: Sequence[Message]) -> str:
    return "\n".join(line for message in messages for line in _turn(message))


def _turn(message: Message) -> Iterator[str]:
    role, content = message.get("role", "?"), message.get("content")
    if content:
        text = content if isinstance(content, str) else json.dumps(content, default=str)
        yield f"{role}: {text}"
    for call in ToolCall.of_message({"tool_calls": message.get("tool_calls")}):
        yield f"{role}: {call.render()}"
