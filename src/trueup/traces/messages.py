"""Messages in the OpenAI shape, and in the parts that OpenTelemetry's GenAI conventions use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trueup.errors import InputError
from trueup.types import Message, ToolCall

__all__ = ["answer_parts", "answer_text", "check_messages", "from_parts", "to_parts"]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_OWN_KEYS = ("role", "content", "parts", "tool_calls")


def check_messages(value: Any) -> tuple[Message, ...]:
    """Return a conversation in its normal form: every `content` a text (or None beside calls).

    Raises:
        InputError: it is not a non-empty list of messages with a known role and text content.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        raise InputError("messages: a non-empty list of messages is needed")
    return tuple(_check_message(message, f"messages[{i}]") for i, message in enumerate(value))


def to_parts(message: Message) -> dict[str, Any]:
    """Return a normal message as GenAI conventions write it: a role and a list of parts."""
    parts: list[dict[str, Any]] = []
    rest = {key: value for key, value in message.items() if key not in _OWN_KEYS}
    content = message.get("content")
    if message["role"] == "tool" and "tool_call_id" in rest:
        reply = {"type": "tool_call_response", "id": rest.pop("tool_call_id"), "response": content}
        parts.append(reply)
    elif content is not None:
        parts.append({"type": "text", "content": content})
    for entry in message.get("tool_calls", ()):
        call = {"type": "tool_call", "id": entry.get("id"), **entry["function"]}
        parts.append(call)
    return {"role": message["role"], **rest, "parts": parts}


def from_parts(message: Any) -> Any:
    """Return a message of GenAI parts in the OpenAI shape; any other value as it is.

    Raises:
        InputError: a part is neither text, a tool call nor a tool's response.
    """
    if not isinstance(message, Mapping) or not isinstance(message.get("parts"), list):
        return message
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    rest = {key: value for key, value in message.items() if key not in _OWN_KEYS}
    for part in message["parts"]:
        match part:
            case {"type": "text", "content": str(content)}:
                texts.append(content)
            case {"type": "tool_call", "name": str(name)}:
                function = {"name": name, "arguments": part.get("arguments") or {}}
                entry = {"id": part["id"]} if part.get("id") is not None else {}
                calls.append({**entry, "type": "function", "function": function})
            case {"type": "tool_call_response"}:
                reply = part.get("response", part.get("result", ""))
                texts.append(reply if isinstance(reply, str) else str(reply))
                rest |= {} if part.get("id") is None else {"tool_call_id": part["id"]}
            case {"type": "reasoning"}:
                pass  # what a model thought is no part of what it said
            case _:
                kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
                raise InputError(
                    f"a message part of type {kind!r}: only text and tools can be read"
                )
    extra = {"tool_calls": calls} if calls else {}
    text = "\n".join(texts) if texts else None
    return {"role": message.get("role"), "content": text, **rest, **extra}


def answer_text(message: Message) -> str:
    """Return an assistant's message as an answer's text, its calls as `<tool_call>` blocks.

    Raises:
        InputError: it is not a message.
    """
    (checked,) = check_messages([{"role": "assistant", **message}])
    texts = [checked["content"]] if checked["content"] else []
    calls = ToolCall.of_message({"tool_calls": checked.get("tool_calls")})
    return "\n".join([*texts, *(call.render() for call in calls)])


def answer_parts(answer: str) -> dict[str, Any]:
    """Return an answer's text as an output message of parts; `answer_text` undoes it exactly.

    Calls become parts of their own where that loses nothing: where the answer is nothing else.
    """
    calls = ToolCall.parse_all(answer)
    if calls and answer == "\n".join(call.render() for call in calls):
        parts = [
            {"type": "tool_call", "name": c.name, "arguments": dict(c.arguments)} for c in calls
        ]
        return {"role": "assistant", "parts": parts, "finish_reason": "tool_call"}
    text = {"type": "text", "content": answer}
    return {"role": "assistant", "parts": [text], "finish_reason": "stop"}


def _check_message(message: Any, where: str) -> Message:
    if not isinstance(message, Mapping):
        raise InputError(f"{where}: a message is an object, not {type(message).__name__}")
    role = message.get("role")
    if role not in _ROLES:
        raise InputError(f"{where}: unknown role {role!r}: known are {', '.join(_ROLES)}")
    calls = message.get("tool_calls")
    rest = {k: v for k, v in message.items() if k not in _OWN_KEYS and v is not None}
    content = _check_content(message.get("content"), where)
    if content is None and role != "assistant":
        raise InputError(f"{where}: a message by {role} needs text as its content")
    if not calls:
        return {"role": role, "content": content or "", **rest}
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise InputError(f"{where}: tool_calls is a list, not {type(calls).__name__}")
    return {
        "role": role,
        "content": content,
        **rest,
        "tool_calls": [
            _check_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(calls)
        ],
    }


def _check_content(content: Any, where: str) -> str | None:
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InputError(f"{where}: content is a text, not {type(content).__name__}")
    texts = []
    for part in content:
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case _:
                kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
                raise InputError(f"{where}: a content part of type {kind!r}: only text can be read")
    return "\n".join(texts)


def _check_call(call: Any, where: str) -> dict[str, Any]:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InputError(f"{where}: a tool call needs a function with a name")
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str | Mapping):
        raise InputError(f"{where}: arguments are an object or its JSON text")
    entry = {"id": call["id"]} if call.get("id") is not None else {}
    return {
        **entry,
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments or {}},
    }
