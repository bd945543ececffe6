"""Items from traces, spans, rows of datasets and records."""

import json
from datetime import UTC, datetime

import pytest

from trueup.datasets import Dataset
from trueup.errors import InputError, QueueEmpty, UnknownName
from trueup.evals import failed
from trueup.queues import AnnotationQueue, Settings
from trueup.store.scores import put_scores
from trueup.store.traces import get_trace, put_trace
from trueup.traces import build_trace, read_exchange
from trueup.types import Label, Question, Score, Span, ToolCall, Trace

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def scored(store, trace):
    """Ten traces, of which those of odd numbers failed groundedness and the last has no score."""
    made = [trace(i) for i in range(10)]
    values = [0.1 if i % 2 else 0.9 for i in range(9)]
    scores = [
        (t.id, Score("groundedness", "1", value)) for t, value in zip(made, values, strict=False)
    ]
    with store.transaction() as tx:
        put_scores(tx, "trace", scores, "ana", NOW)
    return made


def test_failed_traces_become_items_once(queue, scored):
    added = queue.add_traces(failed=failed, actor="ana", now=NOW)
    assert (added.items, added.left_out) == (4, {"not failed": 5, "not scored": 1})
    items = queue.items()
    assert {item.trace_id for item in items} == {f"trace-{i}" for i in (1, 3, 5, 7)}
    assert {item.reason for item in items} == {"failed:groundedness"}
    assert {len(item.answers) for item in items} == {1}
    again = queue.add_traces(failed=failed, actor="ana", now=NOW)
    assert (again.items, again.there_already) == (0, 4)
    context = queue.context_of(items[0])
    assert context.scores["groundedness"].value == 0.1
    queue.add_traces(cohorts=["expert-hard"])
    assert len(queue.items()) == 9
    with pytest.raises(UnknownName, match="no trace of cohort 'none'"):
        queue.add_traces(cohorts=["none"])
    with pytest.raises(QueueEmpty, match=r"no trace makes an item: not failed \(5\)"):
        queue.add_traces(cohorts=["expert-hard"], failed=failed)


def test_a_sample_knows_how_likely_it_was(queue, scored):
    with pytest.raises(InputError, match="sample is 0"):
        queue.add_traces(sample=0)
    assert queue.add_traces(sample=4, seed=3).items == 4
    assert {item.inclusion for item in queue.items()} == {0.4}
    assert queue.add_traces(sample=4, seed=3).there_already == 4


def test_pages_lose_no_trace(queue, scored, monkeypatch):
    monkeypatch.setattr("trueup.queues.sources._sources._PAGE", 3)
    monkeypatch.setattr("trueup.queues.sources._adding._BATCH", 4)
    assert queue.add_traces(cohorts=["tool-heavy", "expert-hard"]).items == 10


def test_a_span_is_what_it_was_given_and_what_it_returned(store, queue):
    spans = [
        Span("r", None, "agent", 0, 9, {"input.value": "Wet?", "output.value": "Yes."}),
        Span("s1", "r", "search", 1, 2, {"input.value": "pipe 3", "output.value": "none"}),
        Span("s2", "r", "search", 3, 4, {"input.value": "pipe three", "output.value": "none"}),
        Span("s3", "r", "search", 5, 6, {"input.value": "lost"}),
    ]
    messages = [{"role": "user", "content": "Wet?"}]
    made = build_trace(id="t1", messages=messages, answer="Yes.", spans=spans, context=["Damp."])
    with store.transaction() as tx:
        put_trace(tx, made, source="test", checkpoint_id=None, actor="ana", now=NOW)
    added = queue.add_spans(read_exchange, name="search", actor="ana", now=NOW)
    assert (added.items, added.left_out) == (2, {"a span without input or output": 1})
    shown = {
        item.messages[0]["content"]: (item.answers[0].text, item.answers[0].source, item.reason)
        for item in queue.items()
    }
    assert shown == {
        "pipe 3": ("none", "span:s1", "span:search"),
        "pipe three": ("none", "span:s2", "span:search"),
    }
    assert {item.trace_id for item in queue.items()} == {"t1"}
    assert queue.add_spans(read_exchange).items == 1  # the agent's own


def test_rows_of_a_dataset_are_judged_once_more(store, queue, add, vote):
    vote(add(1), {"ann": "sampled"})
    vote(add(2, candidate=None), {"ann": "served"})
    dataset = Dataset.create_or_get("d", "v1", store=store)
    dataset.add_rows(queue.export("unpaired"))
    again = AnnotationQueue.create("again", store=store, now=NOW)
    assert again.add_rows(dataset, actor="ana", now=NOW).items == 2
    shown = {i.trace_id: {a.source: a.text for a in i.answers} for i in again.items()}
    assert shown == {
        "trace-1": {"chosen": "sampled 1", "rejected": "served 1"},
        "trace-2": {"chosen": "served 2"},
    }
    assert {item.reason for item in again.items()} == {"dataset:d@v1"}
    alone = AnnotationQueue.create("alone", store=store, now=NOW)
    alone.add_rows(dataset, alone=True)
    assert {len(item.answers) for item in alone.items()} == {1}


RECORD = {
    "prompt": "Is it wet?",
    "answers": {"gpt": "Yes.", "ours": "No."},
    "context": ["Pipe 3 is wet."],
    "tool_calls": [{"name": "look", "arguments": {"pipe": 3}}],
    "scores": {"groundedness": 0.25, "length": 37},
    "cohort": "tool-heavy",
    "tag": "pipes",
    "customer": {"since": 2020},
    "id": "r-1",
}


def test_a_record_becomes_an_item_with_all_that_it_says(store, queue):
    added = queue.add_records([RECORD, RECORD], actor="ana", now=NOW)
    assert (added.items, added.there_already) == (1, 1)
    (item,) = queue.items()
    assert {a.source: a.text for a in item.answers} == RECORD["answers"]
    assert item.context == ("Pipe 3 is wet.", 'customer: {"since": 2020}')
    assert (item.cohort, item.tag, item.reason) == ("tool-heavy", "pipes", "import:record")
    context = queue.context_of(item)
    assert context.steps == (ToolCall("look", {"pipe": 3}),)
    assert context.scores["groundedness"].value == 0.25
    assert (context.scores["length"].value, context.scores["length"].measure) == (None, 37)
    with store.reading() as tx:
        assert get_trace(tx, item.trace_id).steps == context.steps
    queue.submit(item.id, "ann", Label("a", 1), now=NOW)
    assert len(queue.export()) == 1


def test_a_record_without_answers_is_itself_what_is_judged(store):
    asked = (Question("kind", "choice", options=("fraud", "honest")),)
    queue = AnnotationQueue.create("claims", store=store, questions=asked, now=NOW)
    queue.add_records([{"claim": "CL-7", "amount": 120, "note": "wet \u2028 pipe"}])
    (item,) = queue.items()
    shown = json.loads(item.answers[0].text)
    assert shown == {"claim": "CL-7", "amount": 120, "note": "wet \u2028 pipe"}
    assert (item.answers[0].source, item.context) == ("record", ())


def test_pairs_are_read_from_lines_and_parquet(queue, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"prompt": f"{i}?", "chosen": "Yes.", "rejected": [{"role": "assistant", "content": "No."}]}
        for i in range(3)
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert queue.add_records(tmp_path / "p.jsonl").items == 3
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "p.parquet")
    assert queue.add_records(tmp_path / "p.parquet").there_already == 3
    assert {tuple(sorted(a.source for a in i.answers)) for i in queue.items()} == {
        ("chosen", "rejected")
    }


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ([], "it is not a JSON object"),
        ({"prompt": "?", "answers": []}, "answers is empty"),
        ({"prompt": "?", "answers": "yes"}, "answers is neither a list of texts"),
        ({"prompt": "?", "answers": ["a", "a"]}, "two of its answers are the same"),
        ({"prompt": "?", "answers": [str(i) for i in range(9)]}, "give the served one"),
        ({"prompt": "?", "answer": "a", "scores": {"x": "high"}}, "is no number"),
        ({"prompt": "?", "answer": "a", "context": [1]}, "context is neither a text"),
        ({"prompt": "?", "answer": "a", "tool_calls": "look"}, "tool_calls is no list"),
        ({"prompt": "?", "answer": "a", "expected": 3}, "expected cannot be read"),
        ({"prompt": "?", "answer": "a\0"}, "a null character"),
        ({"prompt": "?"}, "it holds nothing to judge"),
        ({"prompt": 3, "answer": "a"}, "its prompt is neither a text nor a list"),
        ({"prompt": "?", "answer": "a", "tag": "x" * 101}, "its tag is called x"),
    ],
)
def test_a_bad_record_is_named_and_nothing_is_added(queue, record, said):
    with pytest.raises(InputError, match="record 2: ") as raised:
        queue.add_records([RECORD, record])
    assert said in str(raised.value)
    assert queue.items() == []
    added = queue.add_records([RECORD, record], skip_bad=True)
    assert (added.items, len(added.rejected)) == (1, 1)


def test_what_stands_beside_several_answers_does_not_say_which_was_served(store, queue):
    call = ToolCall("refund", {"amount": 3})
    made = Trace(
        "t1",
        "c1",
        "tool-heavy",
        ({"role": "user", "content": "?"},),
        call.render(),
        steps=(ToolCall("look", {}), call),
    )
    with store.transaction() as tx:
        put_trace(tx, made, source="test", checkpoint_id=None, actor="ana", now=NOW)
        scores = [
            ("t1", Score("groundedness", "1", 0.2, "low", None, "it says refund")),
            ("t1", Score("refusal", "1", None, "none")),
        ]
        put_scores(tx, "trace", scores, "ana", NOW)
    from trueup.queues import NewItem

    queue.add_items([NewItem.from_trace(made, reason="sampled", candidate="No refund.")])
    (item,) = queue.items()
    whole = queue.context_of(item)
    assert whole.steps == made.steps
    assert set(whole.scores) == {"groundedness", "refusal"}
    blind = whole.blind(item)
    assert blind.steps == (ToolCall("look", {}),)
    assert blind.scores == {"groundedness": Score("groundedness", "1", 0.2)}
    alone = AnnotationQueue.create("alone", store=store, settings=Settings(), now=NOW)
    alone.add_traces()
    (item,) = alone.items()
    assert alone.context_of(item).blind(item) == whole
