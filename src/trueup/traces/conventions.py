"""Traces as OpenTelemetry spans, in both directions.

Spans are written in the GenAI semantic conventions (`gen_ai.*`), with OpenInference's names where
those have none or an older one (`llm.token_count.*`, `retrieval.documents.*`). Both are read, and
so are OpenInference's flattened messages. What neither knows is ours: `trueup.*`, and
`agent.trajectory.step`, a tool call's place in the trajectory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unicodedata import category

from openinference.semconv.trace import OpenInferenceSpanKindValues as Kind
from pydantic import ValidationError

from trueup.errors import InputError
from trueup.store.ids import derived_id
from trueup.traces import _names as names
from trueup.traces._reading import (
    read_answer,
    read_context,
    read_first,
    read_messages,
    read_steps,
    read_total,
    roots_and_models,
)
from trueup.traces._schema import ExpectedSchema, flat
from trueup.traces.messages import answer_parts, check_messages, to_parts
from trueup.types import ALL_COHORTS, Expected, Message, Span, ToolCall, Trace

__all__ = ["DEFAULT_COHORT", "build_trace", "check_trace", "spans_of", "trace_from_spans"]

DEFAULT_COHORT = "default"
"""The cohort of traces that name none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIMITS = {
    "id": 64,
    "conversation_id": 200,
    "cohort": 100,
    "question_type": 100,
    "family": 100,
    "model": 200,
}
_SPAN_LIMITS = {"span_id": 64, "parent_id": 64, "name": 200, "status": 16}
_INT32, _INT64 = 2**31, 2**63
_MAX_LATENCY_MS = 1e12  # thirty years


def build_trace(
    *,
    id: str,
    messages: Sequence[Message],
    answer: str,
    conversation_id: str = "",
    cohort: str = DEFAULT_COHORT,
    question_type: str = "",
    family: str = "",
    context: Sequence[str] = (),
    steps: Sequence[ToolCall] = (),
    expected: Expected | None = None,
    model: str = "",
    started_at: datetime | None = None,
    latency_ms: float | None = None,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
    spans: Sequence[Span] | None = None,
    results: Sequence[Any] = (),
) -> Trace:
    """Return a trace together with the spans that say the same.

    What is left out follows: `conversation_id` is the id, `family` is the conversation, `steps` are
    the calls in the answer.

    Args:
        id: the trace's id, at most 64 characters.
        messages: the conversation up to the answer, OpenAI-shaped.
        answer: the final answer's text.
        conversation_id, cohort, question_type, family: see `Trace`.
        context: the passages that the answer may rest on.
        steps: every tool call made, in order.
        expected: what a right answer contains.
        model: name or checkpoint id of the model.
        started_at: when it was served, timezone-aware.
        latency_ms: from request to answer; kept to the nanosecond, and 0 reads as not measured.
        prompt_tokens, completion_tokens: as the model counted them.
        spans: those that the fields were read from, where they are to be kept as they are.
        results: what each step's tool answered, as JSON values, for the spans that are made.

    Raises:
        InputError: a field is of the wrong type, too long or out of range.
    """
    if not isinstance(answer, str):
        raise InputError(f"answer: a text is needed, not {type(answer).__name__}")
    if latency_ms is not None and not 0 <= latency_ms < _MAX_LATENCY_MS:
        raise InputError(f"latency_ms: {latency_ms} is no time in milliseconds")
    started_at = _in_utc(started_at)
    calls = steps or ToolCall.parse_all(answer)
    trace = Trace(
        id=id,
        conversation_id=conversation_id or id,
        cohort=cohort or DEFAULT_COHORT,
        messages=check_messages(messages),
        answer=answer,
        question_type=question_type,
        family=family or conversation_id or id,
        context=tuple(context),
        steps=tuple(ToolCall(c.name, _as_json(c.arguments)) for c in calls),
        expected=expected,
        model=model,
        latency_ms=round(latency_ms * 1e6) / 1e6 if latency_ms else None,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        started_at=started_at,
        spans=tuple(sorted(spans or (), key=_place)),
    )
    check_trace(trace)
    if spans is not None:
        return trace
    return replace(trace, spans=tuple(_answered(span, results) for span in spans_of(trace)))


def _as_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(arguments), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"steps: arguments that JSON cannot hold: {error}") from error
    return found


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise InputError(f"started_at: {moment} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InputError(f"started_at: {moment} is outside the calendar in UTC") from error


def _answered(span: Span, results: Sequence[Any]) -> Span:
    """Put a tool's answer into the span of its call."""
    step = span.attributes.get(names.TRAJECTORY_STEP)
    if step is None or step >= len(results):
        return span
    told = json.dumps(results[step], ensure_ascii=False)
    return replace(span, attributes={**span.attributes, names.TOOL_RESULT: told})


def spans_of(trace: Trace) -> tuple[Span, ...]:
    """Return the spans that say what the trace's fields say, in order of time and id.

    A root `invoke_agent` with a `retrieval` (where there is context), a `chat`, and one
    `execute_tool` for each step.
    """
    start = 0 if trace.started_at is None else _nanoseconds(trace.started_at)
    end = start + round((trace.latency_ms or 0) * 1e6)
    root = _span_id(trace, "root", 0)
    described = [("invoke_agent", _root_attributes(trace)), ("chat", _chat_attributes(trace))]
    if trace.context:
        described.append(("retrieval", _retrieval_attributes(trace)))
    described += [
        (f"execute_tool {step.name}"[:200], _step_attributes(step, i))
        for i, step in enumerate(trace.steps)
    ]
    spans = [
        Span(
            span_id=root if i == 0 else _span_id(trace, name, i),
            parent_id=None if i == 0 else root,
            name=name,
            start_ns=start,
            end_ns=end,
            attributes={key: value for key, value in attributes.items() if value is not None},
        )
        for i, (name, attributes) in enumerate(described)
    ]
    return tuple(sorted(spans, key=_place))


def trace_from_spans(
    spans: Iterable[Span], *, trace_id: str, cohort_default: str = DEFAULT_COHORT
) -> Trace:
    """Read a trace out of its spans.

    The conversation, context and answer are those of the last call of a model; the cohort and its
    like come from the first span that names them; tokens are summed over the model's calls.

    Args:
        spans: all of the trace's spans, in any order.
        trace_id: the trace's id.
        cohort_default: the cohort where no span names one.

    Raises:
        InputError: they are no tree, carry no conversation or no answer, or a field is of the
            wrong type, too long or out of range.
    """
    ordered = tuple(sorted(spans, key=_place))
    root, models = roots_and_models(ordered)
    conversation = read_first(ordered, names.CONVERSATION, names.SESSION) or trace_id
    answer = read_answer(ordered, models)
    nanoseconds = root.end_ns - root.start_ns
    trace = Trace(
        id=trace_id,
        conversation_id=conversation,
        cohort=read_first(ordered, names.COHORT) or cohort_default,
        messages=check_messages(read_messages(ordered, models)),
        answer=answer,
        question_type=read_first(ordered, names.QUESTION_TYPE) or "",
        family=read_first(ordered, names.FAMILY) or conversation,
        context=read_context(ordered),
        steps=read_steps(ordered) or ToolCall.parse_all(answer),
        expected=_read_expected(read_first(ordered, names.EXPECTED)),
        model=read_first(
            models or ordered, names.RESPONSE_MODEL, names.REQUEST_MODEL, names.LLM_MODEL
        )
        or "",
        latency_ms=nanoseconds / 1e6 if nanoseconds > 0 else None,
        prompt_tokens=read_total(models or ordered, names.INPUT_TOKENS, names.PROMPT_TOKENS),
        completion_tokens=read_total(
            models or ordered, names.OUTPUT_TOKENS, names.COMPLETION_TOKENS
        ),
        started_at=_EPOCH + timedelta(microseconds=root.start_ns // 1000)
        if root.start_ns > 0
        else None,
        spans=ordered,
    )
    check_trace(trace)
    return trace


def check_trace(trace: Trace) -> None:
    """Hold a trace against what the store can keep.

    Raises:
        InputError: a field is of the wrong type, too long or out of range.
    """
    for name, limit in _LIMITS.items():
        _check_text(name, value := getattr(trace, name), limit)
        if any(category(character) == "Cc" for character in value):
            raise InputError(f"{name}: {value!r} has control characters, such as line ends, in it")
    if trace.cohort == ALL_COHORTS:
        raise InputError(f"cohort: {ALL_COHORTS!r} means all cohorts together; give another name")
    if not all(isinstance(passage, str) for passage in trace.context):
        raise InputError("context: every passage is a text")
    for name in ("prompt_tokens", "completion_tokens"):
        count = getattr(trace, name)
        if count is not None and not 0 <= count < _INT32:
            raise InputError(f"{name}: {count} is no count of tokens")
    seen: set[str] = set()
    for span in trace.spans:
        for name, limit in _SPAN_LIMITS.items():
            _check_text(f"span {name}", getattr(span, name) or "", limit)
        if not (-_INT64 <= span.start_ns < _INT64 and -_INT64 <= span.end_ns < _INT64):
            raise InputError(f"span {span.span_id}: its times are no nanoseconds since 1970")
        if span.span_id in seen:
            raise InputError(f"span {span.span_id} is there twice")
        seen.add(span.span_id)


def _check_text(name: str, value: Any, limit: int) -> None:
    if not isinstance(value, str):
        raise InputError(f"{name}: a text is needed, not {type(value).__name__}")
    if len(value) > limit:
        raise InputError(f"{name}: {len(value)} characters, and {limit} is the most it may have")


def _place(span: Span) -> tuple[int, str]:
    return span.start_ns, span.span_id


def _nanoseconds(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000


def _span_id(trace: Trace, name: str, index: int) -> str:
    return derived_id("span", trace.id, name, index)[:16]


def _root_attributes(trace: Trace) -> dict[str, Any]:
    expected = trace.expected and json.dumps(trace.expected.to_json(), ensure_ascii=False)
    return {
        names.OPERATION: "invoke_agent",
        names.KIND: Kind.AGENT.value,
        names.CONVERSATION: trace.conversation_id,
        names.COHORT: trace.cohort,
        names.QUESTION_TYPE: trace.question_type or None,
        names.FAMILY: trace.family,
        names.EXPECTED: expected,
    }


def _chat_attributes(trace: Trace) -> dict[str, Any]:
    messages = [to_parts(message) for message in trace.messages]
    return {
        names.OPERATION: "chat",
        names.KIND: Kind.LLM.value,
        names.REQUEST_MODEL: trace.model or None,
        names.RESPONSE_MODEL: trace.model or None,
        names.INPUT_MESSAGES: json.dumps(messages, ensure_ascii=False),
        names.OUTPUT_MESSAGES: json.dumps([answer_parts(trace.answer)], ensure_ascii=False),
        names.INPUT_TOKENS: trace.prompt_tokens,
        names.OUTPUT_TOKENS: trace.completion_tokens,
        names.PROMPT_TOKENS: trace.prompt_tokens,
        names.COMPLETION_TOKENS: trace.completion_tokens,
    }


def _retrieval_attributes(trace: Trace) -> dict[str, Any]:
    documents = {
        f"{names.DOCUMENTS}.{i}.{names.DOCUMENT_CONTENT}": passage
        for i, passage in enumerate(trace.context)
    }
    return {names.OPERATION: "retrieval", names.KIND: Kind.RETRIEVER.value, **documents}


def _step_attributes(step: ToolCall, index: int) -> dict[str, Any]:
    return {
        names.OPERATION: "execute_tool",
        names.KIND: Kind.TOOL.value,
        names.TRAJECTORY_STEP: index,
        names.TOOL_NAME: step.name,
        names.TOOL_ARGUMENTS: json.dumps(dict(step.arguments), ensure_ascii=False),
    }


def _read_expected(text: str | None) -> Expected | None:
    if text is None:
        return None
    try:
        return Expected.from_json(ExpectedSchema.model_validate_json(text).model_dump())
    except ValidationError as error:
        raise InputError(f"{names.EXPECTED}: not an expectation: {flat(error)}") from error
