"""The nouns of the chain, as frozen records that every room shares.

They carry data and what follows from it alone; nothing here reads a store, a file or a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

__all__ = [
    "ALL_COHORTS",
    "BROKE",
    "LABELS",
    "Annotation",
    "AnnotationKind",
    "AnyOf",
    "Checkpoint",
    "Completion",
    "Example",
    "Expected",
    "Item",
    "ItemAnswer",
    "Label",
    "Message",
    "Messages",
    "Preference",
    "Question",
    "QuestionKind",
    "Run",
    "Score",
    "Span",
    "ToolCall",
    "Trace",
    "Verdict",
    "VerdictOutcome",
]

Message = Mapping[str, Any]
"""One turn in the OpenAI shape: `role`, `content`, and, where it has them, `tool_calls`."""
Messages = Sequence[Message]

LABELS = ("better_answer", "unsafe_refusal", "wrong_tool", "missing_context")
"""What a reviewer may tick about the served answer, beside the preference itself."""

ALL_COHORTS = "all"
"""What the row over all cohorts is called; no cohort may have this name."""

BROKE = "failed: "
"""How the reason of a score begins that is None since scoring failed."""

VerdictOutcome = Literal["ship", "block", "inconclusive"]

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


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """One of the answers that an item shows.

    `source` is "served" (what the user got), "sampled" (drawn from the model for comparison) or,
    where answers came from elsewhere, the name of what gave it; `key` is a letter from "a" on.
    """

    key: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Item:
    """A unit of labelling: everything it shows is frozen into the store.

    Attributes:
        reason: why it was queued: "failed:<evaluator>" or "sampled".
        inclusion: the probability with which it was queued: 1 where all of its like were.
        tag: the expertise that it asks of a reviewer; empty asks for none.
        gold: whether its answer is known, so that it tries reviewers and is never exported.
    """

    id: str
    queue_id: str
    trace_id: str
    conversation_id: str
    cohort: str
    question_type: str
    family: str
    messages: tuple[Message, ...]
    context: tuple[str, ...]
    answers: tuple[ItemAnswer, ...]
    reason: str
    expected: Expected | None = None
    inclusion: float = 1.0
    tag: str = ""
    gold: bool = False

    def answer(self, source: str) -> ItemAnswer | None:
        """Return the answer that came from `source`, if the item shows one."""
        return next((a for a in self.answers if a.source == source), None)


QuestionKind = Literal[
    "preference",
    "ranking",
    "choice",
    "choices",
    "number",
    "rating",
    "thumbs",
    "span",
    "text",
    "edit",
    "steps",
]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a queue asks about an item; the questions are its label schema.

    The first three kinds that every queue has had are kept in `Label` under their own names:
    "preference" as `preferred` and `strength`, the choices named "labels" as `labels` and the edit
    named "correction" as `correction`. Any other question's value is in `Label.answers`.

    Attributes:
        name: what its value is found by.
        kind: "preference" (a key, "tie" or "neither"), "ranking" (keys, best first; a list inside
            is a tie), "choice" (one of `options`), "choices" (some of them), "number" and "rating"
            (from `low` to `high`, a rating in whole steps), "thumbs" (true or false), "span"
            (`{"answer", "start", "end", "label"}`, in characters), "text", "edit" (an answer in the
            reviewer's words), "steps" (`{"step", "label", "better"}`, a trajectory's step).
        title: what the reviewer reads; empty takes the name.
        options: what may be chosen.
        low, high: the ends of a number or a rating.
        required: whether a label without it is refused.
    """

    name: str
    kind: QuestionKind
    title: str = ""
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A reviewer's judgement on an item.

    Attributes:
        preferred: the key of the better answer, "tie", or "neither" when all are wrong; None where
            the queue does not ask.
        strength: 1 slightly, 2 clearly, 3 by far; 0 with a tie or neither.
        labels: which of `LABELS` hold.
        correction: the reviewer's own answer, in full, where none shown is right.
        seconds: how long the reviewer took, if it was measured.
        answers: to the queue's other questions, by their names; see `Question`.
    """

    preferred: str | None = None
    strength: int = 0
    labels: tuple[str, ...] = ()
    correction: str | None = None
    seconds: float | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)


AnnotationKind = Literal["label", "adjudication", "spot_check", "gold", "known"]
"""What a label is for.

"label" counts; "adjudication" settles what those disagree on; "spot_check" holds them against a
second look; "gold" is given to an item whose answer is known, and "known" is that answer.
"""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A label with who gave it, when, and through which stream.

    Attributes:
        shown: the keys of the answers in the order that the reviewer saw; empty is a, b, ...
        guideline_id: the version of the guidelines that it was given under.
        kind: what it is for.
    """

    id: str
    item_id: str
    reviewer: str
    label: Label
    stream: str
    simulated: bool
    created_at: datetime
    shown: str = ""
    guideline_id: str | None = None
    kind: AnnotationKind = "label"


@dataclass(frozen=True, slots=True)
class Preference:
    """What the reviewers of one item settled on.

    Attributes:
        origin: "sampled" where the chosen answer was one of the model's, "served" where the served
            answer stood, "corrected" where a reviewer wrote it, "given" where answers came from
            elsewhere.
        rejected: None where no shown answer was worse (an unpaired row, good for fine-tuning).
        agreement: share of rater pairs that agree on the item, in [0, 1]; None with one rater.
        weight: how many requests of its kind it stands for: 1 / the item's `inclusion`.
    """

    id: str
    item_id: str
    trace_id: str
    conversation_id: str
    cohort: str
    question_type: str
    family: str
    messages: tuple[Message, ...]
    context: tuple[str, ...]
    chosen: str
    rejected: str | None
    origin: Literal["sampled", "served", "corrected", "given"]
    agreement: float | None
    raters: int
    strength: float
    annotation_ids: tuple[str, ...]
    expected: Expected | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and its completions: what every training method learns from.

    Attributes:
        id: the row's content hash, or any stable name.
        messages: the prompt, OpenAI-shaped; none where the completion is a text to read on.
        completions: texts, best first: one for SFT, (chosen, rejected) for pairs, or a ranking.
        weight: multiplies this example's share of the loss.
        desirable: whether a single completion is wanted; None where nobody said so.
        margin: by how much the reward of a chosen completion is to exceed the rejected one's.
        head: which of a reward model's heads the order is about, as "safety"; empty for the only.
        cohort: what kind of request it is, to report apart.
        agreement: share of rater pairs that agree on it, in [0, 1]; None with one rater or unknown.
        ranks: each completion's place, never falling; equal ones are tied, and neither is better.
            Empty is each a place of its own.
        tools: JSON schemas of the functions that the prompt offers, as chat templates take them.
    """

    id: str
    messages: tuple[Message, ...]
    completions: tuple[str, ...]
    weight: float = 1.0
    desirable: bool | None = None
    margin: float = 0.0
    head: str = ""
    cohort: str = ""
    agreement: float | None = None
    ranks: tuple[int, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a sampler drew for a prompt.

    `finish_reason` is "stop" at the end-of-sequence token and "length" when cut at the limit.
    """

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Run:
    """One training stage that was run: what went in, and how."""

    id: str
    stage: str
    method: str
    config: Mapping[str, Any]
    base_checkpoint_id: str
    checkpoint_id: str
    dataset_version_id: str | None
    seed: int
    code_revision: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder of weights, by content: `content_hash` is the hash of its safetensors."""

    id: str
    path: str
    content_hash: str
    role: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer on a candidate, with the table that it rests on."""

    id: str
    outcome: VerdictOutcome
    baseline_checkpoint_id: str
    candidate_checkpoint_id: str
    reasons: tuple[str, ...]
    table: tuple[Mapping[str, Any], ...]
    margins: Mapping[str, Any]
