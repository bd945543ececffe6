import json

import pytest

from trueup.traces import build_trace, read_exchange
from trueup.types import Span, ToolCall


def span(**attributes):
    names = {key.replace("__", "."): value for key, value in attributes.items()}
    return Span("s1", None, "step", 0, 1, names)


def test_a_models_call_is_its_conversation_and_what_it_said():
    flat = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Wet?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Yes.",
    }
    found = read_exchange(Span("s1", None, "llm", 0, 1, flat))
    assert [m["role"] for m in found.messages] == ["system", "user"]
    assert (found.answer, found.context) == ("Yes.", ())


def test_any_other_span_is_its_input_and_output():
    found = read_exchange(span(input__value="in", output__value="out"))
    assert found.messages == ({"role": "user", "content": "in"},)
    assert found.answer == "out"


def test_a_retrieval_returns_its_passages_and_a_tool_its_result():
    attributes = {
        "input.value": "which pipes?",
        "retrieval.documents.0.document.content": "Pipe 1.",
        "retrieval.documents.1.document.content": "Pipe 2.",
    }
    found = read_exchange(Span("s1", None, "retriever", 0, 1, attributes))
    assert (found.messages[0]["content"], found.answer) == ("which pipes?", "Pipe 1.\n\nPipe 2.")
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look",
        "gen_ai.tool.call.arguments": json.dumps({"pipe": 3}),
        "gen_ai.tool.call.result": json.dumps({"wet": True}),
    }
    found = read_exchange(Span("s2", None, "execute_tool look", 0, 1, tool))
    assert found.messages[0]["content"] == ToolCall("look", {"pipe": 3}).render()
    assert found.answer == '{"wet": true}'


@pytest.mark.parametrize(
    "attributes",
    [{}, {"input.value": "in"}, {"output.value": "out"}, {"gen_ai.input.messages": "{broken"}],
)
def test_a_span_that_does_not_say_both_is_none(attributes):
    assert read_exchange(Span("s1", None, "step", 0, 1, attributes)) is None


def test_the_spans_of_a_trace_of_ours_are_read():
    trace = build_trace(
        id="t1",
        messages=[{"role": "user", "content": "Wet?"}],
        answer="Yes.",
        context=["Pipe 3 is wet."],
    )
    found = {s.name: read_exchange(s) for s in trace.spans}
    assert found["chat"].answer == "Yes."
    assert found["chat"].messages == trace.messages
