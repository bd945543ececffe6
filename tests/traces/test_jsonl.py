import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.traces import BadLine, build_trace, jsonl, read_traces, write_traces
from trueup.types import AnyOf, Expected, ToolCall

PLAIN = {"messages": [{"role": "user", "content": "hi"}], "answer": "yes"}
SPAN = {
    "span_id": "s1",
    "name": "chat",
    "start_ns": 5,
    "end_ns": 2_000_005,
    "attributes": {"input.value": "hi", "output.value": "yes", "trueup.cohort": "hard"},
}


def lines(tmp_path, *rows, name="traces.jsonl"):
    path = tmp_path / name
    with path.open("wb") as stream:
        for row in rows:
            stream.write(row if isinstance(row, bytes) else json.dumps(row).encode())
            stream.write(b"\n")
    return path


def read_one(tmp_path, row):
    (found,) = read_traces(lines(tmp_path, row))
    return found


def test_a_plain_record(tmp_path):
    trace = read_one(
        tmp_path,
        PLAIN
        | {
            "id": "t1",
            "cohort": "expert-hard",
            "context": "one passage",
            "expected": {
                "calls": [{"name": "f", "arguments": {"x": {"$any_of": [1, None]}}}],
                "facts": ["a", ["b", "c"]],
                "refuse": False,
            },
            "steps": [{"name": "f", "arguments": {"x": 1}}],
            "started_at": "2026-03-01T12:00:00+02:00",
            "latency_ms": 250,
            "prompt_tokens": 12,
        },
    )
    assert (trace.id, trace.cohort, trace.conversation_id) == ("t1", "expert-hard", "t1")
    assert trace.context == ("one passage",)
    assert trace.expected == Expected(
        calls=(ToolCall("f", {"x": AnyOf(1, None)}),), facts=("a", ("b", "c")), refuse=False
    )
    assert trace.steps == (ToolCall("f", {"x": 1}),)
    assert trace.started_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (trace.latency_ms, trace.prompt_tokens, trace.completion_tokens) == (250.0, 12, None)
    assert trace.spans == ()


def test_nulls_read_as_left_out(tmp_path):
    nulls = {"id": None, "context": None, "expected": None, "steps": None, "started_at": None}
    trace = read_one(tmp_path, PLAIN | nulls)
    assert (trace.context, trace.steps, trace.expected) == ((), (), None)


def test_an_answer_may_be_a_message(tmp_path):
    call = {"id": "c1", "function": {"name": "f", "arguments": '{"x": "ü"}'}}
    trace = read_one(tmp_path, PLAIN | {"answer": {"content": "One moment.", "tool_calls": [call]}})
    assert trace.answer == "One moment.\n" + ToolCall("f", {"x": "ü"}).render()
    assert trace.steps == (ToolCall("f", {"x": "ü"}),)


def test_an_id_follows_from_the_content(tmp_path):
    other = PLAIN | {"answer": "no"}
    reordered = {"answer": "yes", "messages": PLAIN["messages"]}
    a, b, c = read_traces(lines(tmp_path, PLAIN, other, reordered))
    assert a.id == c.id != b.id


def test_a_span_tree(tmp_path):
    trace = read_one(tmp_path, {"trace_id": "x", "spans": [SPAN]})
    assert (trace.id, trace.answer, trace.cohort, trace.latency_ms) == ("x", "yes", "hard", 2.0)
    assert trace.spans[0].attributes == SPAN["attributes"]


def otlp_span(trace_id, **changes):
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "17"}},
        {
            "key": "gen_ai.input.messages",
            "value": {
                "stringValue": '[{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]'
            },
        },
        {
            "key": "gen_ai.output.messages",
            "value": {
                "arrayValue": {
                    "values": [
                        {
                            "kvlistValue": {
                                "values": [
                                    {"key": "role", "value": {"stringValue": "assistant"}},
                                    {"key": "content", "value": {"stringValue": "yes"}},
                                ]
                            }
                        }
                    ]
                }
            },
        },
    ]
    return {
        "traceId": trace_id,
        "spanId": "eee19b7ec3c1b174",
        "name": "chat",
        "startTimeUnixNano": "1772000000000000000",
        "endTimeUnixNano": "1772000000500000000",
        "status": {"code": 2},
        "attributes": attributes,
        "unheardOf": 1,
    } | changes


def otlp(*spans):
    resource = {"attributes": [{"key": "trueup.cohort", "value": {"stringValue": "otel"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def test_otlp_may_carry_several_traces(tmp_path):
    path = lines(tmp_path, otlp(otlp_span("5B8E" * 8), otlp_span("aa" * 16)))
    one, two = read_traces(path)
    assert (one.id, two.id) == ("5b8e" * 8, "aa" * 16)
    assert (one.cohort, one.answer, one.prompt_tokens, one.latency_ms) == ("otel", "yes", 17, 500.0)
    assert one.spans[0].span_id == "eee19b7ec3c1b174"
    assert one.spans[0].status == "ERROR"


def test_one_bad_trace_of_an_export_is_named_and_the_other_kept(tmp_path):
    bad = otlp_span("bb" * 16, attributes=[])
    found = list(read_traces(lines(tmp_path, PLAIN, otlp(bad, otlp_span("aa" * 16)))))
    assert found[1].line == 2
    assert found[1].reason.startswith("trace " + "bb" * 16 + ": no answer")
    assert found[2].id == "aa" * 16


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"messages": [', "broken JSON: "),
        (b"[1]", "an object is needed, not a list"),
        (b"null", "an object is needed, not a NoneType"),
        (b'{"answer": "\xff"}', "not UTF-8: byte 0xff at 12"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": 1e999}', "1e999 is too large a number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "unusable JSON"),
        (b"[" * 100_000, "unusable JSON"),
        (b'{"messages":' + b"[" * 200 + b"]" * 200 + b"}", "nested more than 100 deep"),
        (b'{"messages":[{"role":"user","content":"\\ud83d"}],"answer":"x"}', "surrogate"),
        (b'{"messages":[{"role":"user","content":"x"}],"answer":"a\\u0000b"}', "NUL"),
        ({"messages": PLAIN["messages"]}, "answer: field required"),
        ({"answer": "yes"}, "messages: field required"),
        (PLAIN | {"messages": []}, "messages: a non-empty list"),
        (PLAIN | {"messages": [{"role": "bot", "content": "x"}]}, "unknown role 'bot'"),
        (PLAIN | {"answer": 5}, "answer"),
        (PLAIN | {"answer": {"content": [{"type": "image_url"}]}}, "type 'image_url'"),
        (PLAIN | {"id": 5}, "id: input should be a valid string"),
        (PLAIN | {"id": "x" * 65}, "id: 65 characters, and 64 is the most"),
        (PLAIN | {"cohort": "x" * 101}, "cohort: 101 characters"),
        (PLAIN | {"cohort": "a\nb"}, r"cohort: 'a\nb' has control characters"),
        (PLAIN | {"id": "\x1b[2J"}, r"id: '\x1b[2J' has control characters"),
        (PLAIN | {"context": [1]}, "context"),
        (PLAIN | {"steps": [{"arguments": {}}]}, "steps.0.name: field required"),
        (PLAIN | {"expected": {"facts": "a"}}, "expected.facts"),
        (PLAIN | {"expected": {"refuse": "no"}}, "expected.refuse"),
        (PLAIN | {"started_at": "2026-03-01T12:00:00"}, "timezone"),
        (PLAIN | {"prompt_tokens": -1}, "prompt_tokens: -1"),
        (PLAIN | {"prompt_tokens": "5"}, "prompt_tokens"),
        (PLAIN | {"latency_ms": -1}, "latency_ms"),
        ({"spans": [SPAN]}, "trace_id: a text is needed"),
        ({"trace_id": "x", "spans": {}}, "spans: a list is needed"),
        ({"trace_id": "x", "spans": [{"name": "a"}]}, "span: span_id: field required"),
        ({"trace_id": "x", "spans": []}, "spans: there are none"),
        ({"resourceSpans": []}, "without spans"),
        ({"resourceSpans": 5}, "not OTLP"),
        (otlp(otlp_span("xyz")), "traceId 'xyz' is not hexadecimal"),
        (otlp(otlp_span("")), "no traceId"),
        (otlp(otlp_span("aa", attributes=[{"key": "a", "value": 5}])), "not OTLP"),
    ],
)
def test_bad_lines_say_where_and_why(tmp_path, row, reason):
    one, bad, other = read_traces(lines(tmp_path, PLAIN, row, PLAIN))
    assert one == other
    assert bad.line == 2
    assert reason in bad.reason
    assert "\n" not in bad.reason


def test_empty_lines_a_bom_and_windows_line_ends(tmp_path):
    path = tmp_path / "traces.jsonl"
    row = json.dumps(PLAIN).encode()
    path.write_bytes(b"\xef\xbb\xbf" + row + b"\r\n\r\n  \n" + b"{" + b"\n" + row)
    one, bad, other = read_traces(path)
    assert one == other
    assert bad.line == 4


def test_a_line_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MAX_LINE", 1000)
    long = PLAIN | {"answer": "x" * 5000}
    one, bad, other = read_traces(lines(tmp_path, PLAIN, long, PLAIN))
    assert one == other
    assert bad == BadLine(2, "longer than 0 MB: split the file by traces")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no-such: No such file"):
        list(read_traces(tmp_path / "no-such"))
    with pytest.raises(InputError, match="directory"):
        list(read_traces(tmp_path))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(st.lists(st.tuples(texts, texts, st.lists(texts, max_size=2), st.booleans()), max_size=4))
def test_a_written_file_reads_back_the_same(tmp_path_factory, rows):
    traces = [
        build_trace(
            id=f"t{i}",
            messages=[{"role": "user", "content": question}],
            answer=answer,
            context=context,
            expected=Expected(refuse=True) if i % 2 else None,
            started_at=datetime(2026, 1, 1, 12, 30, 1, 5, tzinfo=UTC),
            latency_ms=1.25,
            spans=None if with_spans else (),
        )
        for i, (question, answer, context, with_spans) in enumerate(rows)
    ]
    path = tmp_path_factory.mktemp("files") / "traces.jsonl"
    assert write_traces(path, traces) == len(traces)
    assert list(read_traces(path)) == traces


def test_a_file_is_not_overwritten_unasked(tmp_path):
    path = lines(tmp_path, PLAIN)
    with pytest.raises(InputError, match="exists"):
        write_traces(path, [])
    assert write_traces(path, [], overwrite=True) == 0


@pytest.mark.parametrize(
    "row",
    [
        PLAIN | {"started_at": "0001-01-01T00:00:00+14:00"},
        PLAIN | {"expected": {"calls": [{"name": "x", "arguments": {"a": {"$any_of": 3}}}]}},
        {"trace_id": "t", "spans": [SPAN | {"start_ns": 10**26}]},
        {"trace_id": "t", "spans": [SPAN | {"attributes": {"trueup.expected": '{"calls": 3}'}}]},
    ],
)
def test_a_line_that_trips_a_reader_does_not_take_its_neighbours_along(tmp_path, row):
    first, bad, last = read_traces(lines(tmp_path, PLAIN, row, PLAIN))
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    assert "\n" not in bad.reason
    assert first.answer == last.answer == "yes"
