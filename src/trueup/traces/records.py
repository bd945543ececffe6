"""Plain records: one JSON object a trace, for those who have no spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, ValidationError

from trueup.errors import InputError
from trueup.store.ids import derived_id
from trueup.traces._schema import CallSchema, ExpectedSchema, Strict, flat
from trueup.traces.conventions import build_trace
from trueup.traces.messages import answer_text
from trueup.types import Expected, Span, ToolCall, Trace

__all__ = ["record_of", "span_from_record", "trace_from_record", "unknown_keys"]


class _Span(Strict):
    span_id: str
    parent_id: str | None = None
    name: str = ""
    start_ns: int = 0
    end_ns: int = 0
    attributes: dict[str, Any] = Field(default_factory=dict)
    status: str = "OK"


class _Record(Strict):
    messages: list[Any]
    answer: str | dict[str, Any]
    id: str | None = None
    conversation_id: str | None = None
    cohort: str | None = None
    question_type: str | None = None
    family: str | None = None
    context: str | list[str] | None = None
    steps: list[CallSchema] | None = None
    expected: ExpectedSchema | None = None
    model: str | None = None
    started_at: Annotated[AwareDatetime, Field(strict=False)] | None = None
    latency_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    spans: list[_Span] | None = None


def unknown_keys(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of a record, and of what it expects, that are not read."""
    found = [key for key in data if key not in _Record.model_fields]
    if isinstance(expected := data.get("expected"), Mapping):
        found += [f"expected.{key}" for key in expected if key not in ExpectedSchema.model_fields]
    return tuple(found)


def trace_from_record(data: Mapping[str, Any], *, cohort_default: str) -> Trace:
    """Read a trace out of a plain record.

    A record without an id gets one that follows from its content, so that it lands once.

    Args:
        data: `messages` and `answer` (a text, or an assistant's message), and any other field of
            `Trace`; `context` may be one text.
        cohort_default: the cohort where the record names none.

    Raises:
        InputError: a field is missing, of the wrong type, too long or out of range.
    """
    try:
        record = _Record.model_validate(data)
    except ValidationError as error:
        raise InputError(flat(error)) from error
    answer, context = record.answer, record.context
    return build_trace(
        id=record.id or derived_id("trace", data),
        conversation_id=record.conversation_id or "",
        cohort=record.cohort or cohort_default,
        question_type=record.question_type or "",
        family=record.family or "",
        messages=record.messages,
        answer=answer if isinstance(answer, str) else answer_text(answer),
        context=[context] if isinstance(context, str) else context or (),
        steps=[ToolCall(call.name, call.arguments) for call in record.steps or ()],
        expected=Expected.from_json(record.expected.model_dump()) if record.expected else None,
        model=record.model or "",
        started_at=record.started_at,
        latency_ms=record.latency_ms,
        prompt_tokens=record.prompt_tokens,
        completion_tokens=record.completion_tokens,
        spans=[Span(**span.model_dump()) for span in record.spans or ()],
    )


def record_of(trace: Trace) -> dict[str, Any]:
    """Return a trace as the plain record that `trace_from_record` reads back to the same."""
    spans = [{**asdict(span), "attributes": dict(span.attributes)} for span in trace.spans]
    record = {
        "id": trace.id,
        "conversation_id": trace.conversation_id,
        "cohort": trace.cohort,
        "question_type": trace.question_type,
        "family": trace.family,
        "messages": [dict(message) for message in trace.messages],
        "answer": trace.answer,
        "context": list(trace.context),
        "steps": [{"name": s.name, "arguments": dict(s.arguments)} for s in trace.steps],
        "expected": trace.expected and trace.expected.to_json(),
        "model": trace.model,
        "started_at": trace.started_at and trace.started_at.isoformat(),
        "latency_ms": trace.latency_ms,
        "prompt_tokens": trace.prompt_tokens,
        "completion_tokens": trace.completion_tokens,
        "spans": spans,
    }
    return {key: value for key, value in record.items() if value not in (None, [], "")} | {
        "answer": trace.answer
    }


def span_from_record(data: Any) -> Span:
    """Read one span as `Trace.spans` has it, in JSON.

    Raises:
        InputError: a field is missing or of the wrong type.
    """
    try:
        return Span(**_Span.model_validate(data).model_dump())
    except ValidationError as error:
        raise InputError(f"span: {flat(error)}") from error
