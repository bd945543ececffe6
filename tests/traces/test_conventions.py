import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.traces import build_trace, spans_of, trace_from_spans
from trueup.types import AnyOf, Expected, Span, ToolCall

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
fields = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
calls = st.builds(ToolCall, names, st.dictionaries(names, values, max_size=3))
entries = st.builds(
    lambda call, key: {
        **({"id": key} if key else {}),
        "type": "function",
        "function": {"name": call.name, "arguments": dict(call.arguments)},
    },
    calls,
    names | st.none(),
)
messages = st.lists(
    st.one_of(
        st.builds(
            lambda role, content: {"role": role, "content": content},
            st.sampled_from(["system", "developer", "user", "assistant"]),
            texts,
        ),
        st.builds(
            lambda content, found: {"role": "assistant", "content": content, "tool_calls": found},
            texts | st.none(),
            st.lists(entries, min_size=1, max_size=2),
        ),
        st.builds(
            lambda content, key: {"role": "tool", "content": content, "tool_call_id": key},
            texts,
            names,
        ),
    ),
    min_size=1,
    max_size=4,
)
answers = st.one_of(
    texts,
    st.lists(calls, min_size=1, max_size=2).map(lambda c: "\n".join(x.render() for x in c)),
    st.tuples(texts, calls).map(lambda pair: pair[0] + pair[1].render()),
    st.just('<tool_call>{"name": broken</tool_call>'),
)
expectations = st.builds(
    Expected,
    calls=st.none() | st.lists(calls, max_size=2).map(tuple),
    facts=st.lists(texts | st.lists(texts, max_size=2).map(tuple), max_size=2).map(tuple),
    forbidden=st.lists(names, max_size=2).map(tuple),
    refuse=st.none() | st.booleans(),
    outcome=texts,
)
built = st.builds(
    build_trace,
    id=fields.filter(bool),
    conversation_id=fields,
    cohort=fields,
    question_type=fields,
    family=fields,
    messages=messages,
    answer=answers,
    context=st.lists(texts, max_size=3),
    steps=st.lists(calls, max_size=3),
    expected=st.none() | expectations,
    model=fields,
    started_at=st.none()
    | st.datetimes(
        datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(timezone(timedelta(hours=2)))
    ),
    latency_ms=st.none() | st.floats(0.001, 1e7),
    prompt_tokens=st.none() | st.integers(0, 2**31 - 1),
    completion_tokens=st.none() | st.integers(0, 2**31 - 1),
)


@given(built)
def test_a_trace_is_read_back_from_its_spans(trace):
    assert trace_from_spans(reversed(trace.spans), trace_id=trace.id) == trace


@given(built)
def test_spans_survive_json(trace):
    spans = [replace(s, attributes=json.loads(json.dumps(dict(s.attributes)))) for s in trace.spans]
    assert trace_from_spans(spans, trace_id=trace.id) == trace
    assert spans_of(replace(trace, spans=())) == trace.spans


def ask(**changes):
    given = {"id": "t1", "messages": [{"role": "user", "content": "hi"}], "answer": "yes"}
    return build_trace(**given | changes)


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(InputError, match="arguments that JSON cannot hold"):
        ask(steps=[ToolCall("f", {"x": float("nan")})])
    broken = '<tool_call>{"name": "f", "arguments": {"x": NaN}}</tool_call>'
    (call,) = ask(answer=broken).steps
    assert call == ToolCall("", {"raw": broken[11:-12]})


def test_no_cohort_has_the_name_of_all():
    with pytest.raises(InputError, match="'all' means all cohorts together"):
        ask(cohort="all")


@pytest.mark.parametrize("hours", [14, -14])
def test_a_time_that_utc_does_not_have_is_refused(hours):
    edge = datetime.min if hours > 0 else datetime.max
    with pytest.raises(InputError, match="outside the calendar"):
        ask(started_at=edge.replace(tzinfo=timezone(timedelta(hours=hours))))


def test_what_is_left_out_follows():
    call = ToolCall("lookup_claim", {"claim_id": "CL-4821"})
    trace = ask(answer="Wait. " + call.render())
    assert (trace.conversation_id, trace.family, trace.cohort) == ("t1", "t1", "default")
    assert trace.steps == (call,)
    assert trace.latency_ms is None
    assert ask(started_at=datetime(2026, 1, 1, 2, tzinfo=UTC)).started_at.hour == 2


def test_the_spans_carry_the_names_that_others_read():
    trace = ask(
        context=["a"],
        answer=ToolCall("f", {}).render(),
        model="smol",
        prompt_tokens=5,
        completion_tokens=2,
        latency_ms=3.5,
    )
    by_name = {span.name: span for span in trace.spans}
    assert set(by_name) == {"invoke_agent", "chat", "retrieval", "execute_tool f"}
    chat = by_name["chat"].attributes
    assert chat["gen_ai.request.model"] == chat["gen_ai.response.model"] == "smol"
    assert (chat["llm.token_count.prompt"], chat["llm.token_count.completion"]) == (5, 2)
    assert by_name["execute_tool f"].attributes["agent.trajectory.step"] == 0
    assert by_name["chat"].parent_id == by_name["invoke_agent"].span_id
    assert by_name["chat"].end_ns - by_name["chat"].start_ns == 3_500_000


def span(key, parent=None, start=10, end=20, **attributes):
    spelled = {k.replace("__", "."): v for k, v in attributes.items()}
    return Span(key, parent, "a span", start, end, spelled)


def test_openinference_spans_are_read():
    model = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "hi",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "be kind",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"x": 1}',
        "llm.token_count.prompt": 7,
        "session.id": "s",
    }
    tool = {"openinference.span.kind": "TOOL", "tool.name": "f", "tool.parameters": '{"x": 1}'}
    spans = [
        span("r", end=2_000_010),
        Span("m", "r", "llm", 11, 12, model),
        Span("t", "r", "tool", 13, 14, tool),
        span("d", "r", 12, 13, retrieval__documents='["one", {"content": "two"}, 3]'),
    ]
    trace = trace_from_spans(spans, trace_id="x", cohort_default="imported")
    assert [m["content"] for m in trace.messages] == ["be kind", "hi"]
    assert trace.answer == ToolCall("f", {"x": 1}).render()
    assert trace.steps == (ToolCall("f", {"x": 1}),)
    assert trace.context == ("one", "two")
    assert (trace.model, trace.prompt_tokens, trace.completion_tokens) == ("gpt", 7, None)
    assert (trace.conversation_id, trace.cohort, trace.latency_ms) == ("s", "imported", 2.0)


def test_the_last_model_call_is_the_answer_and_tokens_are_summed():
    def chat(key, start, question, answer):
        return span(
            key,
            "r",
            start,
            start + 1,
            gen_ai__operation__name="chat",
            gen_ai__input__messages=[{"role": "user", "content": question}],
            gen_ai__output__messages=[{"role": "assistant", "content": answer}],
            gen_ai__usage__input_tokens=5,
            gen_ai__system_instructions=[{"type": "text", "content": "be brief"}],
        )

    trace = trace_from_spans(
        [chat("b", 15, "second", "final"), span("r"), chat("a", 11, "first", "draft")],
        trace_id="x",
    )
    assert trace.answer == "final"
    assert [m["content"] for m in trace.messages] == ["be brief", "second"]
    assert trace.prompt_tokens == 10


def test_steps_come_in_the_order_of_the_trajectory():
    def tool(key, start, step, name):
        return span(
            key,
            "r",
            start,
            gen_ai__operation__name="execute_tool",
            gen_ai__tool__name=name,
            agent__trajectory__step=step,
        )

    root = span("r", input__value="hi", output__value="done")
    trace = trace_from_spans(
        [tool("a", 12, 1, "later"), tool("b", 13, 0, "first"), root], trace_id="x"
    )
    assert [step.name for step in trace.steps] == ["first", "later"]


@pytest.mark.parametrize(
    ("spans", "reason"),
    [
        ([], "there are none"),
        ([span("a", "b"), span("b", "a")], "no tree"),
        ([span("a")], "no answer"),
        ([span("a", output__value="x")], "no conversation"),
        ([span("a"), span("a")], "no answer"),
        ([span("a", input__value="x", output__value="x")] * 2, "there twice"),
        ([span("a", input__value="x", output__value="x", session__id=4)], "a text is needed"),
        (
            [span("a", input__value="x", output__value="x", llm__token_count__prompt="many")],
            "a count is needed, not 'many'",
        ),
        (
            [span("a", input__value="x", output__value="x", llm__token_count__prompt=-1)],
            "-1 is no count",
        ),
        ([span("a", input__value="x", output__value="x", trueup__expected="[")], "expectation"),
        ([span("a", gen_ai__output__messages="{")], "broken JSON"),
        ([span("a", gen_ai__output__messages="{}")], "a list is needed"),
        (
            [span("a", output__value="x", gen_ai__input__messages=[{"role": "x", "parts": [{}]}])],
            "message part of type None",
        ),
        ([span("a", input__value="x", output__value="x", start=2**63)], "nanoseconds"),
        ([span("a" * 65, input__value="x", output__value="x")], "65 characters"),
    ],
)
def test_spans_that_are_no_trace_say_why(spans, reason):
    with pytest.raises(InputError, match=reason):
        trace_from_spans(spans, trace_id="x")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"messages": []}, "non-empty list"),
        ({"messages": "hi"}, "non-empty list"),
        ({"messages": ["hi"]}, r"messages\[0\]: a message is an object, not str"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "unknown role 'robot'"),
        ({"messages": [{"role": "user"}]}, "needs text"),
        ({"messages": [{"role": "user", "content": 3}]}, "a text, not int"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "type 'image_url'",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "function with a name"),
        ({"messages": [{"role": "assistant", "tool_calls": {"a": 1}}]}, "tool_calls"),
        ({"answer": None}, "answer"),
        ({"context": [1]}, "every passage is a text"),
        ({"id": "x" * 65}, "65 characters"),
        ({"prompt_tokens": -1}, "no count of tokens"),
        ({"latency_ms": float("inf")}, "latency"),
    ],
)
def test_wrong_fields_are_named(changes, reason):
    with pytest.raises(InputError, match=reason):
        ask(**changes)


def test_expected_choices_survive():
    expected = Expected(calls=(ToolCall("f", {"x": AnyOf(1, "one", None)}),), facts=(("a", "b"),))
    trace = ask(expected=expected)
    assert trace_from_spans(trace.spans, trace_id="t1").expected == expected
