"""What an export's rows say, and of what types their columns are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from trueup.queues.exports._export_settle import Outcome
from trueup.store.exports import MESSAGE_KEYS
from trueup.types import Message, Preference

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Row", "RowFormat", "Shape", "render", "schema_of"]

RowFormat = Literal["paired", "unpaired", "ranked", "reward", "step"]
Shape = Literal["conversational", "plain"]

_PLAIN = {"role", "content"}

Row = dict[str, Any]
"""One row by column."""


def schema_of(format: RowFormat, shape: Shape, keys: Sequence[str]) -> pa.Schema:
    """Return the columns of a format, in their order.

    Args:
        format: see `AnnotationQueue.export_rows`.
        shape: "conversational" has lists of messages where "plain" has texts.
        keys: what messages of prompts may hold beside role and text.
    """
    import pyarrow as pa

    text, texts = pa.string(), pa.list_(pa.string())
    plain = shape == "plain"
    answer = text if plain else pa.list_(pa.struct([("role", text), ("content", text)]))
    own: dict[RowFormat, dict[str, Any]] = {
        "paired": {"chosen": answer, "rejected": answer},
        "unpaired": {"completion": answer, "label": pa.bool_()},
        "ranked": {"ranking": pa.list_(answer), "ranks": pa.list_(pa.int64())},
        "reward": {"chosen": answer, "rejected": answer, "margin": pa.float64(), "head": text},
        "step": {"chosen": answer, "rejected": answer, "step": pa.int64()},
    }
    return pa.schema(
        {
            "prompt": text if plain else pa.list_(_message_type(keys)),
            **own[format],
            "queue": text,
            "stream": text,
            "simulated": pa.bool_(),
            "cohort": text,
            "question_type": text,
            "origin": text,
            "agreement": pa.float64(),
            "raters": pa.int64(),
            "strength": pa.float64(),
            "weight": pa.float64(),
            "preference_id": text,
            "item_id": text,
            "trace_id": text,
            "annotation_ids": texts,
        }.items()
    )


def render(
    outcome: Outcome,
    *,
    format: RowFormat,
    shape: Shape,
    keys: Sequence[str],
    lineage: Mapping[str, Any],
    head: str,
) -> list[Row] | str:
    """Return the rows of what an item settled on, or why there are none.

    Args:
        outcome: what it settled on.
        format, shape: of the export.
        keys: what messages of prompts may hold beside role and text.
        lineage: what the export knows and the preference does not: `queue`, `stream`, `simulated`.
        head: of a reward.
    """
    made = outcome.preference
    if reason := _refusal(made.messages, shape):
        return reason
    prompt: Any = [_message(m, keys) for m in made.messages]
    if shape == "plain":
        prompt = made.messages[0]["content"]
    more = {**lineage, **_lineage(made)}
    if not outcome.wanted:
        more["preference_id"] = None
    if format == "ranked":
        ranking = [_answer(text, shape) for text in outcome.ranking]
        return [{"prompt": prompt, "ranking": ranking, "ranks": list(outcome.ranks), **more}]
    if format == "unpaired":
        given = [(made.chosen, outcome.wanted), (made.rejected, False)]
        return [
            {"prompt": prompt, "completion": _answer(text, shape), "label": label, **more}
            for text, label in given
            if text is not None
        ]
    if made.rejected is None:
        return "no rejected answer"
    pair = {
        "prompt": prompt,
        "chosen": _answer(made.chosen, shape),
        "rejected": _answer(made.rejected, shape),
    }
    if format == "reward":
        pair |= {"margin": float(made.strength), "head": head}
    if format == "step":
        pair["step"] = outcome.step
    return [{**pair, **more}]


def _lineage(made: Preference) -> Row:
    return {
        "cohort": made.cohort,
        "question_type": made.question_type,
        "origin": made.origin,
        "agreement": made.agreement,
        "raters": made.raters,
        "strength": float(made.strength),
        "weight": float(made.weight),
        "preference_id": made.id,
        "item_id": made.item_id,
        "trace_id": made.trace_id,
        "annotation_ids": list(made.annotation_ids),
    }


def _refusal(messages: Sequence[Message], shape: Shape) -> str:
    """Return why a conversation cannot be a prompt of the shape, or ""."""
    for message in messages:
        if not isinstance(message.get("content"), str | None):
            return "a message whose content is not text"
        if not message.keys() <= _PLAIN and not _fits(message):
            return "a message with more than text and tool calls"
    if shape == "conversational":
        return ""
    roles = [message["role"] for message in messages]
    if set(roles) & {"system", "developer"}:
        return "not plain: a system turn"
    if roles != ["user"]:
        return "not plain: several turns"
    return "" if messages[0].get("content") else "not plain: no text"


def _fits(message: Message) -> bool:
    """Whether a message holds nothing that a column has no place for."""
    calls = message.get("tool_calls") or []
    used = {key for key, value in message.items() if value not in (None, "", [], {})}
    if used - _PLAIN - set(MESSAGE_KEYS) or not isinstance(calls, list):
        return False
    return all(
        isinstance(call, Mapping)
        and isinstance(function := call.get("function", call), Mapping)
        and isinstance(function.get("name"), str)
        for call in calls
    )


def _message(message: Message, keys: Sequence[str]) -> dict[str, Any]:
    """Return a message with every key that the column has, so that all rows are of one type."""
    made = {"role": message["role"], "content": message.get("content")}
    for key in keys:
        made[key] = message.get(key) or None
    if made.get("tool_calls"):
        made["tool_calls"] = [_call(call) for call in made["tool_calls"]]
    return made


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call with its arguments as JSON text: as values, each tool's are of another type."""
    function = call.get("function", call)
    arguments = function.get("arguments") or {}
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {
        "id": call.get("id"),
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }


def _message_type(keys: Sequence[str]) -> pa.DataType:
    import pyarrow as pa

    text = pa.string()
    function = pa.struct([("name", text), ("arguments", text)])
    call = pa.struct([("id", text), ("type", text), ("function", function)])
    types = {"name": text, "tool_call_id": text, "tool_calls": pa.list_(call)}
    more = [(key, types[key]) for key in keys]
    return pa.struct([("role", text), ("content", text), *more])


def _answer(text: str, shape: Shape) -> Any:
    return text if shape == "plain" else [{"role": "assistant", "content": text}]
