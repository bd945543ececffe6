"""What was asked and answered: messages, tool calls, traces, what is expected, and scores."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = [
    "ALL_COHORTS",
    "BROKE",
    "AnyOf",
    "Expected",
    "Message",
    "Messages",
    "Score",
    "Span",
    "ToolCall",
    "Trace",
]

Message = Mapping[str, Any]
"""One turn in the OpenAI shape: `role`, `content`, and, where it has them, `tool_calls`."""
Messages = Sequence[Message]

ALL_COHORTS = "all"
"""What the row over all cohorts is called; no cohort may have this name."""

BROKE = "failed: "
"""How the reason of a score begins that is None since scoring failed."""

_TOOL_CALL = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool's name and its arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse_all(cls, text: str) -> tuple[ToolCall, ...]:
        """Read the calls out of an answer in the `<tool_call>{...}</tool_call>` convention.

        A block whose JSON is broken, or that has no name, is a call named "" with the raw text as
        its one argument `raw`: it was an attempt to act, so it must not read as a plain answer.
        """
        calls = []
        for match in _TOOL_CALL.finditer(text):
            try:
                body = json.loads(match[1], parse_constant=_no_constant)
                arguments = body.get("arguments", {})
                if not isinstance(body["name"], str) or not isinstance(arguments, dict):
                    raise TypeError
                calls.append(cls(body["name"], arguments))
            except (ValueError, KeyError, TypeError, AttributeError):
                calls.append(cls("", {"raw": match[1]}))
        return tuple(calls)

    @classmethod
    def of_message(cls, message: Message) -> tuple[ToolCall, ...]:
        """Read the calls out of an assistant's message: those in its text, then its `tool_calls`.

        Arguments that are broken JSON become the one argument `raw`, as in `parse_all`.
        """
        content = message.get("content")
        calls = list(cls.parse_all(content)) if isinstance(content, str) else []
        for entry in message.get("tool_calls") or ():
            function = entry.get("function", entry) if isinstance(entry, Mapping) else None
            if not isinstance(function, Mapping):
                calls.append(cls("", {"raw": entry}))
                continue
            arguments = function.get("arguments") or {}
            try:
                parsed = (
                    json.loads(arguments, parse_constant=_no_constant)
                    if isinstance(arguments, str)
                    else arguments
                )
            except ValueError:
                parsed = None
            named = str(function.get("name") or "")
            calls.append(cls(named, parsed if isinstance(parsed, dict) else {"raw": arguments}))
        return tuple(calls)

    def render(self) -> str:
        """Return the call as the text that `parse_all` reads."""
        body = json.dumps(
            {"name": self.name, "arguments": dict(self.arguments)}, ensure_ascii=False
        )
        return f"<tool_call>{body}</tool_call>"


@dataclass(frozen=True, slots=True, init=False)
class AnyOf:
    """An expected argument with several right values; `None` among them makes it optional."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer to a request contains.

    Attributes:
        calls: the tool calls that it makes, and no others; empty means that none is right.
        facts: strings that the answer's text must contain; a tuple inside is a choice of wordings.
        forbidden: names of tools that must not be called.
        refuse: whether refusing is right; None says nothing about it.
        outcome: free text for people and judges.
    """

    calls: tuple[ToolCall, ...] | None = None
    facts: tuple[str | tuple[str, ...], ...] = ()
    forbidden: tuple[str, ...] = ()
    refuse: bool | None = None
    outcome: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {
            "calls": None
            if self.calls is None
            else [
                {"name": c.name, "arguments": {k: _out(v) for k, v in c.arguments.items()}}
                for c in self.calls
            ],
            "facts": [list(f) if isinstance(f, tuple) else f for f in self.facts],
            "forbidden": list(self.forbidden),
            "refuse": self.refuse,
            "outcome": self.outcome,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Expected:
        """Rebuild the record that `to_json` wrote; missing keys take their defaults."""
        calls = data.get("calls")
        return cls(
            calls=None
            if calls is None
            else tuple(
                ToolCall(c["name"], {k: _in(v) for k, v in c.get("arguments", {}).items()})
                for c in calls
            ),
            facts=tuple(tuple(f) if isinstance(f, list) else f for f in data.get("facts", ())),
            forbidden=tuple(data.get("forbidden", ())),
            refuse=data.get("refuse"),
            outcome=data.get("outcome", ""),
        )


def _out(value: Any) -> Any:
    return {"$any_of": list(value.values)} if isinstance(value, AnyOf) else value


def _in(value: Any) -> Any:
    if not isinstance(value, dict) or "$any_of" not in value:
        return value
    if not isinstance(value["$any_of"], list):
        raise TypeError(f"$any_of: a list is needed, not {value['$any_of']!r}")
    return AnyOf(*value["$any_of"])


@dataclass(frozen=True, slots=True)
class Span:
    """One OpenTelemetry span. Times are nanoseconds since the epoch."""

    span_id: str
    parent_id: str | None
    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    status: str = "OK"


@dataclass(frozen=True, slots=True)
class Trace:
    """One request to the application and how it was answered.

    Attributes:
        id: the trace's id in the store.
        conversation_id: what splits keep on one side.
        cohort: the group of users or requests that the gate compares by.
        question_type: the finer kind that the audit reports disagreement by.
        family: what intervals are clustered by; the conversation's id where none is given.
        messages: the conversation up to the answer, OpenAI-shaped.
        answer: the final answer's text, tool calls included as `<tool_call>` blocks.
        context: the passages that the answer may rest on.
        steps: every tool call made, in order.
        expected: what a right answer contains, where it is known.
        model: name or checkpoint id of the model that served it.
        latency_ms: from request to answer.
        prompt_tokens, completion_tokens: as the model counted them.
        started_at: when it was served, UTC.
        spans: the spans that it was read from.
    """

    id: str
    conversation_id: str
    cohort: str
    messages: tuple[Message, ...]
    answer: str
    question_type: str = ""
    family: str = ""
    context: tuple[str, ...] = ()
    steps: tuple[ToolCall, ...] = ()
    expected: Expected | None = None
    model: str = ""
    latency_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    started_at: datetime | None = None
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """What an evaluator found.

    `value` runs from 0 to 1 and 1 is the good end; None means unscored, with the reason why.
    Evaluators that only find something (refusal, length) answer with `label` and `measure`.

    Attributes:
        evidence: what it rests on: the sentence, the tool call, the claim.
        seconds: wall time that scoring took; None where nobody measured it. Of a batch that was
            scored at once, each has an equal share. Two scores that differ in it alone are equal.
        cost: what a judge was paid for it, in US dollars; None where none was, or its prices are
            not known.
    """

    evaluator: str
    version: str
    value: float | None = None
    label: str | None = None
    measure: float | None = None
    reason: str = ""
    evidence: tuple[str, ...] = ()
    seconds: float | None = field(default=None, compare=False)
    cost: float | None = field(default=None, compare=False)

    @property
    def broke(self) -> bool:
        """Whether it is unscored since scoring failed, so that another try may find a score."""
        return self.value is None and self.reason.startswith(BROKE)
