from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from trueup.errors import UnknownName
from trueup.store import Store, schema
from trueup.store.traces import cohorts, count_traces, get_trace, list_traces, put_trace
from trueup.types import AnyOf, Expected, Span, ToolCall, Trace

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def trace(key: str = "t1", *, cohort: str = "tool-heavy", answer: str = "مرحبا 🚰 yes") -> Trace:
    span = Span(
        "s1",
        None,
        "invoke_agent",
        1_772_000_000_123_456_789,
        1_772_000_000_223_456_789,
        {
            "gen_ai.input.messages": '[{"role": "user"}]',
            "llm.token_count.prompt": 7,
            "gen_ai.request.model": "smol-135m",
            "scores": [1, 2],
            "nested": {"$blob": "mine"},
            "share": float("inf"),
        },
    )
    child = Span("s2", "s1", "chat", span.start_ns, span.end_ns, {}, "ERROR")
    return Trace(
        id=key,
        conversation_id="c-" + key,
        cohort=cohort,
        messages=({"role": "user", "content": "Is my pipe covered?"},),
        answer=answer,
        question_type="coverage",
        family="water",
        context=("Water damage is covered.", ""),
        steps=(ToolCall("lookup", {"b": 1, "a": [None, 2.5]}),),
        expected=Expected(calls=(ToolCall("lookup", {"b": AnyOf(1, None)}),), facts=(("a", "b"),)),
        model="smol",
        latency_ms=12.5,
        prompt_tokens=7,
        completion_tokens=3,
        started_at=NOW,
        spans=(span, child),
    )


def put(store: Store, *traces: Trace, source: str = "demo") -> list[bool]:
    with store.transaction() as tx:
        return [
            put_trace(tx, t, source=source, checkpoint_id=None, actor="ana", now=NOW)
            for t in traces
        ]


def test_a_trace_comes_back_as_it_went_in(store):
    assert put(store, trace()) == [True]
    with store.reading() as tx:
        assert get_trace(tx, "t1") == trace()


def test_writing_twice_is_writing_once(store):
    assert put(store, trace(), trace(), trace(answer="other")) == [True, False, False]
    with store.reading() as tx:
        assert get_trace(tx, "t1").answer == trace().answer
        assert count_traces(tx) == 1


def test_words_in_spans_are_blobs_and_short_names_are_not(store):
    put(store, trace())
    with store.reading() as tx:
        query = sa.select(schema.span.c.attributes).where(schema.span.c.span_id == "s1")
        attributes = tx.execute(query).scalar_one()
    assert attributes["gen_ai.request.model"] == "smol-135m"
    assert attributes["llm.token_count.prompt"] == 7
    assert set(attributes["gen_ai.input.messages"]) == {"$blob"}


def test_listing_filters_and_pages(store):
    put(store, *(trace(f"t{i}", cohort="ab"[i % 2]) for i in range(6)))
    put(store, trace("x", cohort="a"), source="file.jsonl")
    with store.reading() as tx:
        assert [t.id for t in list_traces(tx, cohort="b")] == ["t1", "t3", "t5"]
        assert [t.id for t in list_traces(tx, source="file.jsonl")] == ["x"]
        assert [t.id for t in list_traces(tx, limit=2, after="t1")] == ["t2", "t3"]
        assert [t.id for t in list_traces(tx, ids=["t5", "t0", "none", "t5"])] == ["t0", "t5"]
        assert list_traces(tx, ids=[]) == []
        assert list_traces(tx, ids=["t1"])[0].spans == ()
        assert cohorts(tx) == {"a": 4, "b": 3}
        assert count_traces(tx, cohort="a", source="demo") == 3


def test_more_ids_than_a_query_holds(store):
    put(store, *(trace(f"t{i:04}") for i in range(1100)))
    with store.reading() as tx:
        found = list_traces(tx, ids=[f"t{i:04}" for i in range(1100)], with_spans=True)
    assert len(found) == 1100
    assert all(len(t.spans) == 2 for t in found)


def test_an_unknown_trace_is_named(store):
    with store.reading() as tx, pytest.raises(UnknownName, match="no trace nope"):
        get_trace(tx, "nope")
