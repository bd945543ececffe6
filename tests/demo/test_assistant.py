"""The claims assistant as an application of the loop."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from trueup.demo.assistant import ClaimsAssistant
from trueup.demo.requests import REFUSAL
from trueup.queues import NewItem
from trueup.traces import trace_from_spans
from trueup.types import Completion, Item, ToolCall

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record(application, request, answer):
    return application.trace(
        request,
        Completion(answer, 9, "stop", 99),
        id="trace",
        model="checkpoint",
        started_at=NOW,
        latency_ms=12.5,
    )


def test_seed_examples_carry_the_flaws_and_follow_from_the_seed():
    application = ClaimsAssistant()
    examples = application.seed_examples(0)
    assert examples == application.seed_examples(0)
    refusals = [e for e in examples if e.completions[0] == REFUSAL]
    assert sum("/odd_" in e.id for e in refusals) > 20
    recorded = {r.messages[-1]["content"] for r in application.requests("train", 0)}
    assert not recorded & {e.messages[-1]["content"] for e in examples}


def test_a_trace_keeps_what_each_tool_answered():
    application = ClaimsAssistant(record_per_phrasing=1)
    request = next(
        r for r in application.requests("train", 0) if r.family == "refund_without_lookup"
    )
    claim = request.expected.calls[0].arguments["claim_id"]
    refund = ToolCall("issue_refund", {"claim_id": claim, "amount": 10}).render()
    trace = record(application, request, refund)
    span = next(s for s in trace.spans if s.attributes.get("agent.trajectory.step") == 0)
    assert "refund rejected" in json.loads(span.attributes["gen_ai.tool.call.result"])["error"]
    again = trace_from_spans(trace.spans, trace_id="trace")
    assert again.steps == trace.steps
    assert (again.cohort, again.expected) == (request.cohort, request.expected)


def test_reviewers_correct_what_no_sample_got_right():
    application = ClaimsAssistant(record_per_phrasing=1)
    request = next(r for r in application.requests("train", 7) if r.cohort == "tool-heavy")
    new = NewItem.from_trace(record(application, request, REFUSAL), reason="failed:refusal")
    fields = {f: getattr(new, f) for f in new.__dataclass_fields__}
    item = Item(id="i", queue_id="q", **fields)
    given = list(application.simulated_labels([item], overlap=3, seed=7))
    assert len(given) == 3
    for _, _, label in given:
        if label.correction is not None:
            assert ToolCall.parse_all(label.correction) == request.expected.calls
            assert "unsafe_refusal" in label.labels
            break
    else:
        raise AssertionError("no reviewer corrected the answer")
