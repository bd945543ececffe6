import csv
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError, QueueEmpty
from trueup.queues import AnnotationQueue, NewItem, Settings
from trueup.queues.exports import _export_files as files
from trueup.queues.exports._export_settle import Trust, rank_reviewers, settle_pair, settle_ranking
from trueup.queues.exports._settle import settle
from trueup.queues.quality._audit import rate
from trueup.stats.agreement import reviewer_reliability
from trueup.stats.distances import ranking_distances
from trueup.store.events import list_events
from trueup.store.preferences import list_preferences
from trueup.store.traces import put_trace
from trueup.training import read_examples
from trueup.types import Annotation, Item, ItemAnswer, Label, Question, Trace

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": {"pipe": 3}}}


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def load(path):
    from datasets import load_dataset

    kind = {"jsonl": "json"}.get(path.suffix[1:], path.suffix[1:])
    cache = path.parent / f"cache-{path.name}"
    return load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache))


@pytest.fixture
def put(store):
    """Return a function that puts an item of any conversation and answers into a queue."""

    def put_item(queue, i, messages, answers, cohort="tool-heavy"):
        made = Trace(f"t{i}", f"talk-{i}", cohort, tuple(messages), answers[0][1])
        with store.transaction() as tx:
            put_trace(tx, made, source="test", checkpoint_id=None, actor="ana", now=NOW)
        shown = tuple(
            ItemAnswer(key, text, source)
            for key, (source, text) in zip("abcdefgh", answers, strict=False)
        )
        new = NewItem(made.id, made.conversation_id, cohort, made.messages, shown, "sampled")
        before = {item.id for item in queue.items()}
        queue.add_items([new], actor="ana", now=NOW)
        (found,) = {item.id for item in queue.items()} - before
        return found

    return put_item


@pytest.fixture
def asked(put, queue):
    """A queue with a conversation of one turn, settled, and one of several."""
    single = put(
        queue, 1, [{"role": "user", "content": "1?"}], [("served", "s1"), ("sampled", "n1")]
    )
    several = put(
        queue,
        2,
        [
            {"role": "user", "content": "2?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "wet"},
        ],
        [("served", "s2"), ("sampled", "n2")],
    )
    for item_id, key in ((single, "a"), (several, "b")):
        for reviewer in ("ann", "bob"):
            queue.submit(item_id, reviewer, Label(key, 2, ("better_answer",)), now=NOW)
    return queue


def test_a_row_has_the_pair_and_the_way_back(store, asked, tmp_path):
    done = asked.export_rows(tmp_path / "p.jsonl", format="paired", actor="ana", now=NOW)
    rows = read(tmp_path / "p.jsonl")
    assert (done.rows, done.stream, done.left_out, done.simulated) == (2, "reviewer", {}, False)
    assert done.sha256 == hashlib.sha256((tmp_path / "p.jsonl").read_bytes()).hexdigest()
    assert [row["item_id"] for row in rows] == sorted(row["item_id"] for row in rows)
    row = next(row for row in rows if row["trace_id"] == "t1")
    assert row["chosen"] == [{"role": "assistant", "content": "s1"}]
    assert row["rejected"] == [{"role": "assistant", "content": "n1"}]
    assert (row["queue"], row["stream"], row["agreement"], row["strength"]) == (
        "prefs",
        "reviewer",
        1.0,
        2.0,
    )
    assert row["annotation_ids"] == sorted(
        a.id for a in asked.annotations() if a.item_id == row["item_id"]
    )
    with store.reading() as tx:
        stored = {p.id: p for p in list_preferences(tx, queue_id=asked.id)}
    assert stored.keys() == {row["preference_id"] for row in rows}
    assert stored[row["preference_id"]].annotation_ids == tuple(row["annotation_ids"])


def test_the_preferences_are_those_of_export_and_stored_once(store, queue, add, vote, tmp_path):
    vote(add(1), {"ann": "sampled", "bob": "sampled", "cy": "served"})
    vote(add(2), {"ann": "neither:mine", "bob": "neither:theirs", "cy": "neither:theirs"})
    vote(add(3, candidate=None), {"ann": "served", "bob": "served"})
    queue.export_rows(tmp_path / "1.jsonl", format="unpaired")
    with store.reading() as tx:
        before = list_preferences(tx, queue_id=queue.id)
    found = queue.export("unpaired")
    queue.export_rows(tmp_path / "2.jsonl", format="unpaired")
    with store.reading() as tx:
        assert list_preferences(tx, queue_id=queue.id) == before
    assert before == sorted(found, key=lambda p: p.id)
    rows = read(tmp_path / "2.jsonl")
    assert sorted((row["completion"][0]["content"], row["label"]) for row in rows) == [
        ("sampled 1", True),
        ("served 1", False),
        ("served 2", False),
        ("served 3", True),
        ("theirs", True),
    ]


def test_an_answer_alone_that_nobody_wants_is_a_false_row(store, queue, add, vote, tmp_path):
    vote(add(1, candidate=None), {"ann": "neither", "bob": "neither", "cy": "served"})
    vote(add(2, candidate=None), {"ann": "served", "bob": "neither"})
    vote(add(3, candidate=None), {"ann": "neither:better", "bob": "neither"})
    done = queue.export_rows(tmp_path / "u.jsonl", format="unpaired")
    rows = {(r["trace_id"], r["label"]): r for r in read(tmp_path / "u.jsonl")}
    assert set(rows) == {("trace-1", False), ("trace-3", True), ("trace-3", False)}
    assert done.left_out == {"no majority": 1}
    bad = rows["trace-1", False]
    assert bad["completion"][0]["content"] == "served 1"
    assert bad["preference_id"] is None
    assert bad["annotation_ids"] == sorted(
        a.id for a in queue.annotations() if a.item_id == bad["item_id"]
    )
    assert (bad["agreement"], bad["raters"]) == (pytest.approx(1 / 3), 3)
    assert rows["trace-3", True]["completion"][0]["content"] == "better"
    with store.reading() as tx:
        stored = list_preferences(tx, queue_id=queue.id)
    assert {(p.chosen, p.rejected) for p in stored} == {("better", "served 3")}
    examples = read_examples(tmp_path / "u.jsonl")
    assert sorted(e.desirable for e in examples) == [False, False, True]


def test_thumbs_on_one_answer_are_labels(store, put, tmp_path):
    asked = (Question("keep", "thumbs"), Question("correction", "edit"))
    queue = AnnotationQueue.create("thumbs", store=store, questions=asked, now=NOW)
    thumbs = ([True, True, False], [False, False], [True, False], [], [False])
    for i, said in enumerate(thumbs):
        item = put(queue, i, [{"role": "user", "content": "?"}], [("gpt", f"said {i}")])
        for name, thumb in zip(("ann", "bob", "cy"), said, strict=False):
            better = "said better" if i == 4 else None
            queue.submit(item, name, Label(None, 0, (), better, None, {"keep": thumb}), now=NOW)
    done = queue.export_rows(tmp_path / "u.parquet", format="unpaired", shape="plain")
    found = pq.read_table(tmp_path / "u.parquet").to_pylist()
    assert sorted((r["completion"], r["label"], r["origin"]) for r in found) == [
        ("said 0", True, "given"),
        ("said 1", False, "given"),
        ("said 4", False, "corrected"),
        ("said better", True, "corrected"),
    ]
    assert done.left_out == {"no majority": 1, "no labels": 1}
    with store.reading() as tx:
        stored = list_preferences(tx, queue_id=queue.id)
    assert {p.id for p in stored} == {r["preference_id"] for r in found} - {None}
    strict = queue.export_rows(
        tmp_path / "s.jsonl", format="unpaired", min_agreement=0.5, reviewers=("ann", "bob")
    )
    assert strict.left_out == {"agreement too low": 1, "no labels": 1, "one rater": 1}
    assert {r["completion"][0]["content"] for r in read(tmp_path / "s.jsonl")} == {
        "said 0",
        "said 1",
    }


def test_pages_and_batches_lose_nothing(store, queue, add, vote, tmp_path, monkeypatch):
    monkeypatch.setattr("trueup.store.exports._PAGE", 2)
    monkeypatch.setattr("trueup.queues.exports._exports._BATCH", 3)
    ids = [add(i) for i in range(7)]
    for item_id in ids:
        vote(item_id, {"ann": "served"})
    assert queue.export_rows(tmp_path / "p.parquet", format="paired").rows == 7
    with store.reading() as tx:
        stored = list_preferences(tx, queue_id=queue.id)
    table = pq.read_table(tmp_path / "p.parquet")
    assert table["item_id"].to_pylist() == sorted(ids)
    assert {p.id for p in stored} == set(table["preference_id"].to_pylist())


def test_of_equal_corrections_the_most_reliable_reviewers_counts(queue, add, vote, tmp_path):
    for i in range(4):  # zed agrees with bob wherever it can be told, ann with nobody
        vote(add(i), {"ann": "served", "bob": "sampled", "zed": "sampled"})
    vote(add(9), {"ann": "neither:ann's", "zed": "neither:zed's"})
    queue.export_rows(tmp_path / "p.jsonl", format="paired")
    chosen = {r["trace_id"]: r["chosen"][0]["content"] for r in read(tmp_path / "p.jsonl")}
    assert chosen["trace-9"] == "zed's"


def test_an_export_is_one_event_that_says_what_left(store, put, tmp_path):
    queue = AnnotationQueue.create("harm", store=store, settings=Settings(safety=True), now=NOW)
    item = put(queue, 1, [{"role": "user", "content": "?"}], [("served", "x"), ("sampled", "y")])
    queue.submit(item, "ann", Label("a", 3), now=NOW)
    done = queue.export_rows(
        tmp_path / "r.jsonl", format="reward", cohorts=["tool-heavy"], actor="ana", now=NOW
    )
    with store.reading() as tx:
        events = [e for e in list_events(tx, object_id=queue.id) if e.action == "export"]
    (event,) = events
    assert (event.actor, event.safety, event.created_at) == ("ana", True, NOW)
    assert event.detail["sha256"] == done.sha256
    assert event.detail["rows"] == 1
    assert event.detail["filters"] == {"cohorts": ["tool-heavy"], "include_simulated": True}
    (row,) = read(tmp_path / "r.jsonl")
    assert (row["head"], row["margin"]) == ("safety", 3.0)


def test_a_reward_says_its_margin_and_its_head(asked, tmp_path):
    asked.export_rows(tmp_path / "r.parquet", format="reward", shape="plain")
    (example,) = read_examples(tmp_path / "r.parquet")
    assert (example.completions, example.margin, example.head) == (("s1", "n1"), 2.0, "quality")
    asked.export_rows(tmp_path / "r.jsonl", format="reward", head="tone")
    assert {e.head for e in read_examples(tmp_path / "r.jsonl")} == {"tone"}
    with pytest.raises(InputError, match="head 'tone' is for rewards"):
        asked.export_rows(tmp_path / "p.jsonl", format="paired", head="tone")


def test_plain_rows_are_texts_and_leave_out_what_they_would_flatten(
    queue, put, add, vote, tmp_path
):
    one = put(queue, 1, [{"role": "user", "content": "1?"}], [("served", "s"), ("sampled", "n")])
    turns = [{"role": r, "content": r} for r in ("user", "assistant", "user")]
    two = put(queue, 2, turns, [("served", "s"), ("sampled", "n")])
    system = add(3)
    for item in (one, two, system):
        vote(item, {"ann": "served"})
    done = queue.export_rows(tmp_path / "p.jsonl", format="paired", shape="plain")
    (row,) = read(tmp_path / "p.jsonl")
    assert (row["prompt"], row["chosen"], row["rejected"]) == ("1?", "s", "n")
    assert done.left_out == {"not plain: a system turn": 1, "not plain: several turns": 1}


def test_what_no_column_holds_is_left_out_and_said(queue, put, vote, tmp_path):
    answers = [("served", "s"), ("sampled", "n")]
    parts = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]
    audio = [{"role": "user", "content": "?", "audio": {"id": "x"}}]
    empty = [{"role": "user", "content": "?", "refusal": None, "annotations": []}]
    for i, messages in enumerate((parts, audio, empty)):
        vote(put(queue, i, messages, answers), {"ann": "served"})
    done = queue.export_rows(tmp_path / "p.jsonl", format="paired")
    assert done.rows == 1
    assert done.left_out == {
        "a message whose content is not text": 1,
        "a message with more than text and tool calls": 1,
    }
    assert read(tmp_path / "p.jsonl")[0]["prompt"] == [{"role": "user", "content": "?"}]


def test_filters_say_which_labels_count_and_which_items(queue, add, tmp_path):
    one, two, three = add(1), add(2), add(3)
    later = NOW + timedelta(days=1)

    def key(item_id, source):
        (item,) = [i for i in queue.items() if i.id == item_id]
        return item.answer(source).key

    def give(item_id, reviewer, source, *, labels=(), at=NOW, simulated=False):
        label = Label(key(item_id, source), 1, labels)
        queue.submit(item_id, reviewer, label, now=at, simulated=simulated)

    give(one, "ann", "served", labels=("wrong_tool",))
    give(one, "bob", "sampled", at=later)
    give(two, "bob", "served", at=later)
    give(three, "bot", "served", simulated=True)

    def rows(**filters):
        done = queue.export_rows(tmp_path / "p.jsonl", format="paired", overwrite=True, **filters)
        return {(r["item_id"], r["chosen"][0]["content"]) for r in read(tmp_path / "p.jsonl")}, done

    found, done = rows()
    assert found == {(two, "served 2"), (three, "served 3")}
    assert done.simulated
    assert done.left_out == {"no majority": 1}
    assert rows(reviewers=["ann"])[0] == {(one, "served 1")}
    assert rows(exclude_reviewers=["ann", "bot"])[0] == {(one, "sampled 1"), (two, "served 2")}
    assert rows(until=later)[0] == {(one, "served 1"), (three, "served 3")}
    assert rows(since=later)[0] == {(one, "sampled 1"), (two, "served 2")}
    assert rows(cohorts=["expert-hard"])[0] == {(two, "served 2")}
    people, done = rows(include_simulated=False)
    assert people == {(two, "served 2")}
    assert not done.simulated
    ticked, done = rows(labels=["wrong_tool"], until=later)
    assert ticked == {(one, "served 1")}
    assert done.left_out == {"other labels": 2}
    with pytest.raises(QueueEmpty, match=r"no item gives a paired row.*one rater \(2\)"):
        rows(min_agreement=0.5)


def test_arguments_are_checked_before_anything_is_written(queue, add, vote, tmp_path):
    vote(add(1), {"ann": "served"})
    path = tmp_path / "out.jsonl"
    for bad, match in (
        ({"format": "pairs"}, "format 'pairs' is none of paired, unpaired"),
        ({"format": "paired", "shape": "flat"}, "shape 'flat' is none of conversational, plain"),
        ({"format": "paired", "min_agreement": 70}, "min_agreement is 70"),
        ({"format": "paired", "labels": ["rude"]}, "label 'rude' is not in queue prefs"),
        ({"format": "paired", "since": datetime(2026, 1, 1)}, "in no time zone"),
        ({"format": "step"}, "queue prefs asks about no steps"),
    ):
        with pytest.raises(InputError, match=match):
            queue.export_rows(path, **bad)
    with pytest.raises(InputError, match=r"ends in none of \.jsonl"):
        queue.export_rows(tmp_path / "out.txt", format="paired")
    with pytest.raises(QueueEmpty, match="none that fit the filters"):
        queue.export_rows(path, format="paired", cohorts=["nobody"])
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        queue.export_rows(path, format="paired")
    assert path.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["out.jsonl"]


def test_rankings_are_averaged_and_ties_stay_ties(store, put, tmp_path):
    questions = (Question("order", "ranking", required=True),)
    queue = AnnotationQueue.create("ranks", store=store, questions=questions, now=NOW)
    answers = [("m1", "one"), ("m2", "two"), ("m3", "three")]
    item = put(queue, 1, [{"role": "user", "content": "?"}], answers)
    even = put(queue, 2, [{"role": "user", "content": "?"}], answers)
    for reviewer, order in (("ann", ["b", "a", "c"]), ("bob", ["b", "c", "a"])):
        queue.submit(item, reviewer, Label(answers={"order": order}), now=NOW)
    queue.submit(even, "ann", Label(answers={"order": [["a", "b", "c"]]}), now=NOW)
    done = queue.export_rows(tmp_path / "r.jsonl", format="ranked", shape="plain")
    (row,) = read(tmp_path / "r.jsonl")
    assert (row["ranking"], row["ranks"]) == (["two", "one", "three"], [1, 2, 2])
    assert row["agreement"] == pytest.approx(2 / 3)  # they order one pair of three otherwise
    assert (row["raters"], row["origin"], done.left_out) == (2, "given", {"tie": 1})
    (example,) = read_examples(tmp_path / "r.jsonl")
    assert example.completions == ("two", "one", "three")
    with store.reading() as tx:
        (kept,) = list_preferences(tx, queue_id=queue.id)
    assert (kept.id, kept.chosen, kept.rejected) == (row["preference_id"], "two", "three")
    with pytest.raises(QueueEmpty, match="agreement too low"):
        queue.export_rows(tmp_path / "no.jsonl", format="ranked", min_agreement=0.7)
    queue.export_rows(tmp_path / "r.parquet", format="ranked")
    assert read_examples(tmp_path / "r.parquet")[0].completions == ("two", "one", "three")


def test_a_preference_is_a_ranking_of_two(asked, tmp_path):
    asked.export_rows(tmp_path / "r.jsonl", format="ranked")
    rows = {row["trace_id"]: row for row in read(tmp_path / "r.jsonl")}
    assert [turn["content"] for (turn,) in rows["t2"]["ranking"]] == ["n2", "s2"]
    assert rows["t2"]["ranks"] == [1, 2]
    assert {e.completions for e in read_examples(tmp_path / "r.jsonl")} == {
        ("s1", "n1"),
        ("n2", "s2"),
    }


def test_a_bad_step_gives_way_to_the_better_one(store, put, tmp_path):
    questions = (Question("walk", "steps"),)
    queue = AnnotationQueue.create("steps", store=store, questions=questions, now=NOW)
    messages = [
        {"role": "user", "content": "Is it wet?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "wet"},
    ]
    first = put(queue, 1, messages, [("served", "No.")])
    last = put(queue, 2, messages, [("served", "No.")])
    fine = put(queue, 3, messages, [("served", "Yes.")])
    mute = put(queue, 4, messages, [("served", "No.")])

    def judge(item, reviewer, *marks):
        steps = [{"step": s, "label": label, "better": better} for s, label, better in marks]
        queue.submit(item, reviewer, Label(answers={"walk": steps}), now=NOW)

    judge(first, "ann", (0, "bad", "I ask."), (1, "bad", "Yes."))
    judge(first, "bob", (0, "bad", "I ask."), (1, "good", ""))
    judge(first, "cy", (0, "good", ""))
    judge(last, "ann", (0, "good", ""), (1, "bad", "Yes, wet."))
    judge(fine, "ann", (0, "good", ""), (1, "neutral", ""))
    judge(mute, "ann", (1, "bad", ""))
    drawn = put(queue, 5, messages, [("served", "No.")])
    judge(drawn, "zed", (1, "bad", "Wet."))
    judge(drawn, "bob", (1, "bad", "It is."))
    done = queue.export_rows(tmp_path / "s.jsonl", format="step")
    rows = {row["item_id"]: row for row in read(tmp_path / "s.jsonl")}
    assert rows.keys() == {first, last, drawn}
    assert rows[drawn]["chosen"][0]["content"] == "It is."  # even in trust, so by name
    assert [m["content"] for m in rows[first]["prompt"]] == ["Is it wet?"]
    assert rows[first]["chosen"] == [{"role": "assistant", "content": "I ask."}]
    taken = 'I look.\n<tool_call>{"name": "look", "arguments": {"pipe": 3}}</tool_call>'
    assert rows[first]["rejected"] == [{"role": "assistant", "content": taken}]
    assert (rows[first]["step"], rows[first]["agreement"]) == (0, pytest.approx(1 / 3))
    assert [m["role"] for m in rows[last]["prompt"]] == ["user", "assistant", "tool"]
    assert (rows[last]["step"], rows[last]["rejected"][0]["content"]) == (1, "No.")
    assert done.left_out == {"no bad step": 1, "no better step": 1}
    with store.reading() as tx:
        kept = {p.id: (p.chosen, p.rejected) for p in list_preferences(tx, queue_id=queue.id)}
    assert kept[rows[last]["preference_id"]] == ("Yes, wet.", "No.")
    assert {e.completions[0] for e in read_examples(tmp_path / "s.jsonl")} == {
        "I ask.",
        "It is.",
        "Yes, wet.",
    }


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("shape", ["conversational", "plain"])
def test_files_train_here(asked, tmp_path, suffix, shape):
    paired, unpaired = tmp_path / f"p.{suffix}", tmp_path / f"u.{suffix}"
    asked.export_rows(paired, format="paired", shape=shape)
    asked.export_rows(unpaired, format="unpaired", shape=shape)
    pairs = {e.completions for e in read_examples(paired)}
    answers = {(e.completions, e.desirable) for e in read_examples(unpaired)}
    several = shape == "conversational"
    assert pairs == {("s1", "n1"), *([("n2", "s2")] if several else [])}
    assert answers == {
        (("s1",), True),
        (("n1",), False),
        *([(("n2",), True), (("s2",), False)] if several else []),
    }
    assert {e.agreement for e in read_examples(paired)} == {1.0}


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "csv"])
def test_files_load_in_datasets(asked, tmp_path, suffix):
    path = tmp_path / f"p.{suffix}"
    asked.export_rows(path, format="paired", shape="plain" if suffix == "csv" else "conversational")
    table = load(path)
    assert {"prompt", "chosen", "rejected", "preference_id"} <= set(table.column_names)
    for name, role in (("prompt", "user"), ("chosen", "assistant"), ("rejected", "assistant")):
        given = table[0][name]
        assert isinstance(given, str) if suffix == "csv" else given[-1]["role"] == role


def test_a_prompt_that_was_exported_renders(asked, tmp_path, tiny_model_dir):
    from transformers import AutoTokenizer

    asked.export_rows(tmp_path / "p.parquet", format="paired", cohorts=["tool-heavy"])
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_dir)
    rows = {row["trace_id"]: row for row in load(tmp_path / "p.parquet")}
    prompt, chosen = rows["t1"]["prompt"], rows["t1"]["chosen"]
    asked_for = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    assert asked_for == "<|im_start|>user\n1?<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.apply_chat_template(prompt + chosen, tokenize=False).startswith(
        f"{asked_for}s1"
    )


def test_calls_have_one_type_whatever_their_arguments(asked, tmp_path):
    asked.export_rows(tmp_path / "p.parquet", format="paired")
    asked.export_rows(tmp_path / "p.jsonl", format="paired")
    for path in (tmp_path / "p.parquet", tmp_path / "p.jsonl"):
        rows = {row["trace_id"]: row for row in load(path)}
        (call,) = rows["t2"]["prompt"][1]["tool_calls"]
        assert call["function"] == {"name": "look", "arguments": '{"pipe": 3}'}
        assert rows["t1"]["prompt"][0]["tool_calls"] is None
    kept = {e.completions: e.messages for e in read_examples(tmp_path / "p.parquet")}
    assert kept["n2", "s2"][1]["tool_calls"][0]["function"]["arguments"] == '{"pipe": 3}'
    assert kept["s1", "n1"] == ({"role": "user", "content": "1?"},)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_column_that_begins_with_nulls_keeps_its_type(tmp_path, monkeypatch, suffix):
    """The reader looks at 10 MB or 10,000 rows; what has no value there would be of type null."""
    import pyarrow as pa

    names = {"prompt": pa.string(), "agreement": pa.float64(), "question_type": pa.string()}
    path = tmp_path / f"big.{suffix}"
    filler = "x" * 1000
    with files.open_file(path, f".{suffix}", pa.schema(names.items())) as write:
        row = {"prompt": filler, "agreement": None, "question_type": ""}
        write([row] * 12_000)
        write([{"prompt": "late", "agreement": 0.5, "question_type": "coverage"}])
    table = load(path)
    assert table.num_rows == 12_001
    assert table.features["agreement"].dtype == "float64"
    assert (table[0]["prompt"], table[0]["agreement"]) == ("late", 0.5)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [path.name]


def test_csv_has_what_is_nested_as_json(asked, tmp_path):
    asked.export_rows(tmp_path / "p.csv", format="paired")
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["trace_id"]: row for row in csv.DictReader(file)}
    assert json.loads(rows["t1"]["chosen"]) == [{"role": "assistant", "content": "s1"}]
    assert json.loads(rows["t1"]["annotation_ids"]) == sorted(
        json.loads(rows["t1"]["annotation_ids"])
    )
    assert load(tmp_path / "p.csv").features["agreement"].dtype == "float64"


def test_parquet_has_its_types_where_all_is_null(queue, add, vote, tmp_path):
    vote(add(1), {"ann": "served"})
    queue.export_rows(tmp_path / "p.parquet", format="paired")
    schema = pq.read_schema(tmp_path / "p.parquet")
    assert str(schema.field("agreement").type) == "double"
    assert load(tmp_path / "p.parquet")[0]["agreement"] is None


SOURCES = st.sampled_from(["a", "b", "tie", "neither"])
CAST = st.dictionaries(st.sampled_from(["r1", "r2", "r3", "r4"]), SOURCES, max_size=4)
TEXTS = st.sampled_from(["one", "two", None])


def labelled(cast, texts):
    items = [
        Item(
            f"i{n}", "q", f"t{n}", "c", "cohort", "", "", ({"role": "user", "content": "?"},), (),
            (ItemAnswer("a", "good", "sampled"), ItemAnswer("b", "bad", "served")), "r",
        )
        for n in range(len(cast))
    ]  # fmt: skip
    given = [
        Annotation(
            f"{n}-{name}",
            f"i{n}",
            name,
            Label(
                vote,
                int(vote in "ab"),
                (),
                texts[(n + int(name[1])) % len(texts)] if vote == "neither" else None,
            ),
            "reviewer",
            False,
            NOW,
        )
        for n, votes in enumerate(cast)
        for name, vote in votes.items()
    ]
    return items, given


@given(
    st.lists(CAST, min_size=1, max_size=6),
    st.sampled_from([0.0, 0.4, 1.0]),
    st.lists(TEXTS, min_size=1),
)
def test_items_settle_by_the_rules_of_export(cast, min_agreement, texts):
    items, given_ = labelled(cast, texts)
    expected = settle(items, given_, min_agreement=min_agreement, origins=None, paired=False)
    votes = {i.id: [(a, a.label.preferred) for a in given_ if a.item_id == i.id] for i in items}
    named = {"a": "sampled", "b": "served"}
    trust = Trust(lambda: [[(a.reviewer, named.get(v, v)) for a, v in votes[i.id]] for i in items])
    found = [
        settle_pair(i, [a for a in given_ if a.item_id == i.id], min_agreement, trust)
        for i in items
    ]
    assert tuple(o.preference for o in found if not isinstance(o, str)) == expected.preferences
    assert sum(isinstance(o, str) for o in found) == sum(expected.left_out.values())


@given(st.lists(CAST, min_size=1, max_size=8).filter(any))
def test_reviewers_rank_as_their_reliability_does(cast):
    items, given_ = labelled(cast, ["x"])
    found = reviewer_reliability(rate({i.id: i for i in items}, given_))
    expected = sorted(found, key=lambda r: (-(r.agreement or 0.0), r.rater))
    ranks = rank_reviewers([list(votes.items()) for votes in cast])
    assert ranks == {r.rater: n for n, r in enumerate(expected)}


RANKING = st.permutations(["a", "b", "c"]).flatmap(
    lambda keys: st.sampled_from(
        [keys, [keys[:2], keys[2]], [keys[0], keys[1:]], [keys[0], [keys[1]], keys[2]]]
    )
)


@given(st.lists(RANKING, min_size=1, max_size=4))
def test_rankings_agree_as_their_distances_say(rankings):
    item = Item(
        "i", "q", "t", "c", "cohort", "", "", ({"role": "user", "content": "?"},), (),
        tuple(ItemAnswer(k, k, k) for k in "abc"), "r",
    )  # fmt: skip
    given_ = [
        Annotation(f"n{n}", "i", f"r{n}", Label(answers={"order": r}), "reviewer", False, NOW)
        for n, r in enumerate(rankings)
    ]
    found = settle_ranking(item, given_, 0.0, {}, question="order")

    def place(ranking, key):
        before = 0
        for entry in ranking:
            tied = [entry] if isinstance(entry, str) else entry
            if key in tied:
                return before + (len(tied) + 1) / 2
            before += len(tied)
        raise AssertionError(key)

    ranks = [tuple(place(r, k) for k in "abc") for r in rankings]
    mean = {k: sum(r[n] for r in ranks) for n, k in enumerate("abc")}
    if isinstance(found, str):
        assert found == "tie"
        assert len(set(mean.values())) == 1
        return
    assert [mean[k] for k in found.ranking] == sorted(mean.values())
    assert list(found.ranks) == [1 + sum(m < mean[k] for m in mean.values()) for k in found.ranking]
    if len(ranks) > 1:
        apart = ranking_distances(ranks)
        pairs = len(ranks) * (len(ranks) - 1)
        assert found.preference.agreement == pytest.approx(1 - apart.sum() / pairs)
