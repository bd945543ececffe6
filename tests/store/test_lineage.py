from datetime import UTC, datetime

import pytest

from trueup.errors import UnknownName
from trueup.store import schema
from trueup.store.lineage import backward, forward
from trueup.store.releases import Replay, put_replay, put_verdict
from trueup.store.rows import insert_new, put_blob, put_json
from trueup.store.runs import put_checkpoint, put_run
from trueup.store.traces import put_trace
from trueup.types import Checkpoint, Run, Trace, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STAMP = {"actor": "ana", "created_at": NOW}


def label(tx, index: int, item: str, reviewer: str) -> str:
    key = f"label-{index:04d}"
    row = {
        "id": key,
        "item_id": item,
        "queue_id": "queue-1",
        "reviewer": reviewer,
        "preferred": "b",
        "strength": 2,
        "labels": ["wrong_tool"],
        "stream": "reviewer",
        "simulated": reviewer != "human",
    }
    insert_new(tx, schema.annotation, [row | STAMP])
    return key


def preference(tx, index: int) -> None:
    """A trace, its item with two labels, and the preference they make, `pref-<index>`."""
    messages = ({"role": "user", "content": f"Question {index}? " + "x" * 200},)
    put_trace(
        tx,
        Trace(f"trace-{index}", f"conv-{index}", "tool-heavy", messages, "No."),
        source="demo",
        checkpoint_id="base-0001",
        actor="ana",
        now=NOW,
    )
    item = f"item-{index}"
    row = {
        "id": item,
        "queue_id": "queue-1",
        "trace_id": f"trace-{index}",
        "conversation_id": f"conv-{index}",
        "cohort": "tool-heavy",
        "question_type": "refund",
        "family": "water",
        "messages_blob": put_json(tx, list(messages), actor="ana", now=NOW),
        "context_blob": put_json(tx, [], actor="ana", now=NOW),
        "reason": "sampled",
    }
    insert_new(tx, schema.item, [row | STAMP])
    chosen = put_blob(tx, "Yes.", actor="ana", now=NOW)
    row = {"id": f"pref-{index}", "item_id": item, "chosen_blob": chosen, "origin": "sampled"}
    insert_new(
        tx, schema.preference, [row | {"agreement": 1.0, "raters": 2, "strength": 2.0} | STAMP]
    )
    for offset, reviewer in enumerate(("human", "sim-1")):
        key = label(tx, 2 * index + offset, item, reviewer)
        link = {"preference_id": f"pref-{index}", "annotation_id": key}
        insert_new(tx, schema.preference_annotation, [link])


@pytest.fixture
def store(store):
    """base -> sft (version v1: pref 0, 1) -> dpo (version v2: pref 1); `control` off base on v1."""
    with store.transaction() as tx:
        for name in ("base", "sft", "dpo", "control"):
            put_checkpoint(
                tx, Checkpoint(f"{name}-0001", f"/m/{name}", name[0] * 64, name), "ana", NOW
            )
        queue = {"id": "queue-1", "name": "q", "overlap": 2, "stream": "reviewer", "questions": []}
        insert_new(tx, schema.queue, [queue | STAMP])
        for index in range(3):
            preference(tx, index)
        insert_new(tx, schema.dataset, [{"id": "dataset-1", "name": "prefs"} | STAMP])
        for version, members in (("v1", (0, 1)), ("v2", (1,))):
            row = {"id": version, "dataset_id": "dataset-1", "version": version}
            row |= {"validation_share": 0.1, "content_hash": version * 32}
            insert_new(tx, schema.dataset_version, [row | STAMP])
            for index in members:
                row = {"version_id": version, "row_hash": f"row-{index}", "position": index}
                row |= {"preference_id": f"pref-{index}", "split": "train", "cohort": "rest"}
                insert_new(tx, schema.dataset_row, [row | STAMP])
        for key, method, start, end, data in (
            ("run-sft", "sft", "base-0001", "sft-0001", "v1"),
            ("run-dpo", "dpo", "sft-0001", "dpo-0001", "v2"),
            ("run-ctl", "sft", "base-0001", "control-0001", "v1"),
        ):
            put_run(tx, Run(key, key, method, {}, start, end, data, 1, "abc", {}), "ana", NOW)
        for name in ("base", "dpo"):
            replay = Replay(f"replay-{name}", f"{name}-0001", "held-out", "5" * 64, {})
            put_replay(tx, replay, "ana", NOW)
        verdict = Verdict("verdict-1", "ship", "base-0001", "dpo-0001", ("better",), (), {})
        put_verdict(
            tx,
            verdict,
            baseline_replay_id="replay-base",
            candidate_replay_id="replay-dpo",
            actor="ana",
            now=NOW,
        )
    return store


def test_backward_reaches_each_label_reviewer_and_trace(store):
    with store.reading() as tx:
        found = backward(tx, "dpo-00")
    assert found["checkpoint"]["role"] == "dpo"
    assert [r["id"] for r in found["runs"]] == ["run-dpo", "run-sft"]
    assert [r["dataset"] for r in found["runs"]] == ["prefs v2", "prefs v1"]
    assert [c["id"] for c in found["checkpoints"]] == ["sft-0001", "base-0001"]
    assert [(d["version"], d["rows"]) for d in found["datasets"]] == [("v2", 1), ("v1", 2)]
    assert {(x["id"], x["reviewer"], x["trace_id"]) for x in found["labels"]} == {
        ("label-0000", "human", "trace-0"),
        ("label-0001", "sim-1", "trace-0"),
        ("label-0002", "human", "trace-1"),
        ("label-0003", "sim-1", "trace-1"),
    }
    last = found["labels"][-1]
    assert last["datasets"] == ["prefs v1", "prefs v2"]
    assert last["question"].startswith("…")
    assert len(last["question"]) <= 100
    assert [v["outcome"] for v in found["verdicts"]] == ["ship"]
    assert [r["answers"] for r in found["replays"]] == [0]
    assert found["counts"] == {
        "runs": 2,
        "datasets": 2,
        "rows": 3,
        "preferences": 2,
        "labels": 4,
        "simulated": 2,
        "reviewers": 2,
        "items": 2,
        "traces": 2,
    }


def test_a_checkpoint_from_outside_has_no_labels(store):
    with store.reading() as tx:
        found = backward(tx, "base-0001")
    assert (found["runs"], found["labels"], found["counts"]["labels"]) == ([], [], 0)


def test_forward_reaches_every_checkpoint_and_verdict(store):
    with store.reading() as tx:
        found = forward(tx, "label-0000")
    assert found["label"]["reviewer"] == "human"
    assert [p["id"] for p in found["preferences"]] == ["pref-0"]
    assert [r["row_hash"] for r in found["rows"]] == ["row-0"]
    assert [d["version"] for d in found["datasets"]] == ["v1"]
    # the preference stage never saw this row, but it started from a checkpoint that had
    assert {c["id"] for c in found["checkpoints"]} == {"sft-0001", "control-0001", "dpo-0001"}
    assert [v["id"] for v in found["verdicts"]] == ["verdict-1"]


def test_a_label_that_no_dataset_took_leads_nowhere(store):
    with store.reading() as tx:
        found = forward(tx, "label-0005")
    assert [p["id"] for p in found["preferences"]] == ["pref-2"]
    assert (found["rows"], found["runs"], found["checkpoints"]) == ([], [], [])


def test_erased_text_does_not_break_the_chain(store):
    with store.transaction() as tx:
        tx.execute(schema.blob.update().values(text=None, erased_at=NOW))
        assert {x["question"] for x in backward(tx, "dpo-0001")["labels"]} == {"(erased)"}


@pytest.mark.parametrize("walk", [backward, forward])
def test_unknown_ids_are_refused(store, walk):
    with store.reading() as tx, pytest.raises(UnknownName, match="none in this store"):
        walk(tx, "nothing-like-it")
