"""The export for an auditor says who labelled what under which guidelines, and what came of it."""

import csv
import hashlib
import json
import tracemalloc
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.queues import AnnotationQueue, NewItem, Settings, export_evidence
from trueup.store import content_hash, schema
from trueup.store.events import list_events, seal_events, verify_chain
from trueup.store.releases import Replay, put_replay, put_verdict
from trueup.store.runs import put_checkpoint, put_run
from trueup.types import Checkpoint, Label, Run, Verdict

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
WHO = {"actor": "mo", "now": NOW}


@pytest.fixture
def chain(store, trace):
    """A safety queue and another one, labelled; the first one's rows trained on, twice over."""
    made = {}
    for name, safety in (("harm", True), ("tone", False)):
        queue = AnnotationQueue.create(
            name, overlap=2, settings=Settings(safety=safety), store=store, **WHO
        )
        queue.configure(guidelines="Harm is *harm*.", **WHO)
        items = [NewItem.from_trace(trace(i), reason="sampled", candidate="no") for i in (0, 1)]
        queue.add_items(items, **WHO)
        for item in queue.items(**WHO):
            for reviewer in ("ben", "cleo"):
                queue.submit(item.id, reviewer, Label("a", 1), now=NOW)
        rows = queue.export(**WHO)
        made[name] = (queue, rows)
    dataset = Dataset.create_or_get("d", "v1", store=store, **WHO)
    dataset.add_rows(made["harm"][1], **WHO)
    dataset.seal(**WHO)
    with store.transaction() as tx:
        for key in ("base", "one", "two", "other"):
            put_checkpoint(tx, Checkpoint(key, key, key * 9, "stage"), **WHO)
        for key, on, base in (
            ("one", dataset.id, "base"),
            ("two", None, "one"),
            ("other", None, "base"),
        ):
            put_run(tx, Run(f"run-{key}", "s", "dpo", {}, base, key, on, 0, "r", {}), **WHO)
    made["dataset"] = dataset
    return made


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_label_comes_with_its_guidelines_and_all_that_it_led_to(chain, store, tmp_path):
    made = export_evidence(store, tmp_path / "a.jsonl", **WHO)
    queue, exported = chain["harm"]
    *rest, head = rows_of(made.path)
    labels = [row for row in rest if row["record"] == "label"]
    standing = {label.id: label for label in queue.annotations(**WHO)}
    assert {row["object_id"] for row in labels} == standing.keys()
    for row in labels:
        given = standing[row["object_id"]]
        assert (row["reviewer"], row["item"], row["at"]) == (
            given.reviewer,
            given.item_id,
            NOW.isoformat(),
        )
        text = "Harm is *harm*."
        assert (row["guideline_version"], row["guideline_sha256"]) == (1, content_hash(text))
        assert row["preferences"] == [p.id for p in exported if p.item_id == given.item_id]
        assert (row["datasets"], row["runs"]) == (["d v1"], ["run-one", "run-two"])
        assert (row["checkpoints"], row["verdicts"]) == (["one", "two"], [])
        assert json.loads(row["label"])["preferred"] == "a"
    actions = [row["action"] for row in rest if row["record"] == "event"]
    assert actions == ["create", "configure", "add_items", "read", "read"]
    assert (made.labels, made.events) == (4, 5)
    assert (head["record"], head["seal"], head["seal_hash"]) == ("head", made.seal, made.head)


def test_each_row_can_be_checked_by_itself_and_the_log_by_the_head(chain, store, tmp_path):
    made = export_evidence(store, tmp_path / "a.jsonl", **WHO)
    for row in rows_of(made.path)[:-1]:
        told = [row[name] for name in ("event", "actor", "action", "noun", "object_id")]
        told += [json.loads(row["detail"]), row["safety"], row["at"]]
        assert content_hash([row["seal_before"], *told]) == row["seal_hash"]
    with store.transaction() as tx:
        seal_events(tx)
        found = verify_chain(tx, head=made.head)
        [event] = [e for e in list_events(tx) if e.noun == "audit_log"]
    assert (found.fault, found.sealed) == ("", made.seal + 1)
    digest = hashlib.sha256(made.path.read_bytes()).hexdigest()
    assert (event.actor, event.safety, event.detail["sha256"]) == ("mo", True, digest)
    again = rows_of(export_evidence(store, tmp_path / "b.jsonl", **WHO).path)
    assert [row["action"] for row in again if row["noun"] == "audit_log"] == ["export"]


def test_the_three_kinds_of_files_say_the_same(chain, store, tmp_path):
    first = rows_of(export_evidence(store, tmp_path / "a.jsonl", **WHO).path)
    parquet = pq.read_table(export_evidence(store, tmp_path / "a.parquet", **WHO).path).to_pylist()
    with export_evidence(store, tmp_path / "a.csv", **WHO).path.open(newline="") as file:
        cells = list(csv.DictReader(file))
    labels = [row for row in first if row["record"] == "label"]
    assert [row for row in parquet if row["record"] == "label"] == labels
    spelt = [row for row in cells if row["record"] == "label"]
    assert [json.loads(row["checkpoints"]) for row in spelt] == [["one", "two"]] * 4
    assert [row["seal_hash"] for row in spelt] == [row["seal_hash"] for row in labels]


def test_a_queue_that_was_about_safety_once_is_in_it_and_times_narrow_it(chain, store, tmp_path):
    queue, _ = chain["harm"]
    later = NOW + timedelta(days=1)
    queue.configure(safety=False, actor="mo", now=later)
    made = export_evidence(store, tmp_path / "a.jsonl", **WHO)
    assert (made.labels, made.events) == (4, 6)
    since = export_evidence(store, tmp_path / "b.jsonl", since=later, **WHO)
    assert (since.labels, since.events) == (0, 1)
    until = export_evidence(store, tmp_path / "c.jsonl", until=later, **WHO)
    assert (until.labels, until.events) == (4, 7)  # the two exports above are of it


def test_a_correction_and_a_label_older_than_the_log_are_in_it(chain, store, tmp_path):
    queue, _ = chain["harm"]
    old = next(a for a in queue.annotations(**WHO) if a.reviewer == "ben")
    new = queue.submit(old.item_id, "ben", Label("b", 1), replaces=old.id, now=NOW)
    with store.transaction() as tx:
        tx.execute(schema.seal.delete())
        tx.execute(schema.event.delete().where(schema.event.c.object_id == old.id))
    made = export_evidence(store, tmp_path / "a.jsonl", **WHO)
    found = {row["object_id"]: row for row in rows_of(made.path)}
    assert (found[new.id]["replaces"], found[new.id]["action"]) == (old.id, "correct")
    assert (found[old.id]["event"], found[old.id]["seal"]) == (None, None)
    assert (found[old.id]["actor"], found[old.id]["at"]) == ("ben", NOW.isoformat())


def test_verdicts_on_what_was_trained_are_in_it(chain, store, tmp_path):
    with store.transaction() as tx:
        for key in ("base", "two"):
            put_replay(tx, Replay(f"replay-{key}", key, "suite", "hash", {}), **WHO)
        verdict = Verdict("v1", "block", "base", "two", ("worse",), (), {})
        between = {"baseline_replay_id": "replay-base", "candidate_replay_id": "replay-two"}
        put_verdict(tx, verdict, **between, **WHO)
    rows = rows_of(export_evidence(store, tmp_path / "a.jsonl", **WHO).path)
    assert [row["verdicts"] for row in rows if row["record"] == "label"] == [["v1 block"]] * 4


def test_what_makes_no_sense_is_refused(chain, store, tmp_path):
    with pytest.raises(InputError, match="ends in none of"):
        export_evidence(store, tmp_path / "a.xlsx", **WHO)
    with pytest.raises(InputError, match="no time zone"):
        export_evidence(store, tmp_path / "a.csv", since=datetime(2026, 4, 1), **WHO)
    export_evidence(store, tmp_path / "a.csv", **WHO)
    with pytest.raises(InputError, match="exists"):
        export_evidence(store, tmp_path / "a.csv", **WHO)


def test_a_long_log_takes_no_more_memory_than_a_short_one(store, tmp_path):
    peaks = []
    for count in (1_000, 8_000):
        row = {"action": "read", "noun": "queue", "object_id": "q", "detail": {"what": "x" * 200}}
        row |= {"safety": True, "project": "default", "actor": "mo", "created_at": NOW}
        with store.transaction() as tx:
            tx.execute(schema.event.insert(), [row] * count)
            seal_events(tx, back=None)
        tracemalloc.start()
        export_evidence(store, tmp_path / f"{count}.jsonl", **WHO)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
