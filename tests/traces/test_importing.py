import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from trueup.errors import InputError, StoreError, TraceRejected
from trueup.store import schema
from trueup.store.traces import cohorts, count_traces, get_trace, list_traces
from trueup.traces import build_trace, import_file, importing, write_traces

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def record(i, **changes):
    return {"messages": [{"role": "user", "content": f"question {i}"}], "answer": "yes"} | changes


def write(path, *rows):
    path.write_text("".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in rows))
    return path


def bring(store, path, **options):
    return import_file(store, path, actor="ana", now=NOW, **options)


def test_the_same_file_twice_gives_no_duplicates(store, tmp_path):
    path = write(tmp_path / "a.jsonl", *(record(i) for i in range(5)), record(0))
    first, second = bring(store, path), bring(store, path)
    assert (first.imported, first.duplicates) == (5, 1)
    assert (second.imported, second.duplicates) == (0, 6)
    with store.reading() as tx:
        assert count_traces(tx, source="a.jsonl") == 5


def test_bad_lines_are_named_and_the_others_kept(store, tmp_path):
    path = write(
        tmp_path / "a.jsonl", record(0), "{broken\n", record(1), {"answer": "x"}, record(2)
    )
    seen = []
    with pytest.raises(TraceRejected, match=r"2 rejected \(line 2: broken JSON.*line 4: messages"):
        bring(store, path, on_bad=seen.append)
    assert [bad.line for bad in seen] == [2, 4]
    with store.reading() as tx:
        assert count_traces(tx) == 3
    result = bring(store, path, skip_bad=True)
    assert (result.imported, result.duplicates, result.rejected) == (0, 3, 2)
    assert result.bad == tuple(seen)


def test_an_id_with_other_content_is_rejected(store, tmp_path):
    path = write(tmp_path / "a.jsonl", record(0, id="x"), record(1, id="x"))
    result = bring(store, path, skip_bad=True)
    assert (result.imported, result.duplicates, result.rejected) == (1, 0, 1)
    assert "trace x is in the store with other content" in result.bad[0].reason
    with store.reading() as tx:
        assert get_trace(tx, "x").messages[0]["content"] == "question 0"


def test_an_erased_trace_stays_erased(store, tmp_path):
    path = write(tmp_path / "a.jsonl", record(0), record(1))
    bring(store, path)
    with store.transaction() as tx:
        tx.execute(sa.update(schema.blob).values(text=None).where(schema.blob.c.text == "yes"))
    assert bring(store, path).duplicates == 2
    with store.reading() as tx, pytest.raises(StoreError, match="erased"):
        list_traces(tx)


def test_another_default_cohort_is_no_conflict(store, tmp_path):
    path = write(tmp_path / "a.jsonl", record(0), record(1, cohort="mine"))
    bring(store, path, cohort_default="first")
    assert bring(store, path, cohort_default="second").duplicates == 2
    with store.reading() as tx:
        assert cohorts(tx) == {"first": 1, "mine": 1}


def test_keys_that_are_not_read_are_counted(store, tmp_path):
    path = write(tmp_path / "a.jsonl", record(0, contxt="x"), record(1, contxt="y", user=5))
    assert bring(store, path).ignored == {"contxt": 2, "user": 1}
    path = write(tmp_path / "b.jsonl", record(2, expected={"call": [], "facts": ["yes"]}))
    assert bring(store, path).ignored == {"expected.call": 1}


def test_batches_and_progress(store, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "_BATCH", 2)
    path = write(tmp_path / "a.jsonl", *(record(i) for i in range(5)))
    seen = []
    assert bring(store, path, progress=lambda *at: seen.append(at)).imported == 5
    total = path.stat().st_size
    assert len(seen) == 3
    assert seen[-1] == (total, total)
    assert all(0 < done <= total for done, _ in seen)


def test_a_batch_that_fails_leaves_nothing_of_itself(store, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "_BATCH", 2)
    calls = []

    def interrupted(tx, trace, **given):
        calls.append(trace)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return put(tx, trace, **given)

    put = importing.put_trace
    monkeypatch.setattr(importing, "put_trace", interrupted)
    path = write(tmp_path / "a.jsonl", *(record(i) for i in range(5)))
    with pytest.raises(KeyboardInterrupt):
        bring(store, path)
    with store.reading() as tx:
        assert count_traces(tx) == 2
    monkeypatch.setattr(importing, "put_trace", put)
    assert bring(store, path).imported == 3


def test_only_so_many_bad_lines_are_held(store, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "_KEPT_BAD", 3)
    path = write(tmp_path / "a.jsonl", *["{\n"] * 10)
    result = bring(store, path, skip_bad=True)
    assert (result.rejected, len(result.bad)) == (10, 3)
    with pytest.raises(TraceRejected, match=r"10 rejected .*; and 7 more"):
        bring(store, path)


def test_traces_move_from_store_to_store_through_a_file(store, tmp_path):
    trace = build_trace(
        id="t1",
        messages=[{"role": "user", "content": "مرحبا"}],
        answer='<tool_call>{"name": "f", "arguments": {}}</tool_call>',
        context=["字"],
        started_at=NOW,
        latency_ms=3.5,
    )
    write_traces(tmp_path / "a.jsonl", [trace])
    bring(store, tmp_path / "a.jsonl")
    with store.reading() as tx:
        assert list_traces(tx, with_spans=True) == [trace]


def test_a_missing_file_is_an_error_before_anything_is_written(store, tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        bring(store, tmp_path / "none.jsonl")
