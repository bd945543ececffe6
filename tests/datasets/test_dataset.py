from dataclasses import replace
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from trueup.datasets import AddReport, Dataset, list_versions
from trueup.errors import (
    DatasetError,
    InputError,
    StoreError,
    UnknownName,
    VersionConflict,
    VersionSealed,
)
from trueup.queues import AnnotationQueue
from trueup.store.queues import AuditRow, put_audit
from trueup.types import Label, Score, ToolCall


def test_rows_are_added_once(dataset, prefer):
    preferences = prefer(range(6))
    assert dataset.add_rows(preferences) == AddReport(6, 0)
    assert dataset.add_rows(preferences) == AddReport(0, 6)
    assert dataset.add_rows([*preferences[:1], *preferences[:1]]) == AddReport(0, 2)
    assert len(dataset) == 6
    assert not dataset.sealed
    assert dataset.path is None
    assert [row.preference for row in dataset] == list(preferences)


def test_create_or_get_returns_what_is_there(store, dataset, prefer):
    dataset.add_rows(prefer(range(2)))
    again = Dataset.create_or_get("regression", version="v1", store=store)
    assert (again.id, len(again)) == (dataset.id, 2)
    other = Dataset.create_or_get("regression", version="v2", validation_share=0.5, store=store)
    assert (len(other), other.validation_share) == (0, 0.5)
    assert Dataset.create_or_get("regression", "v2", store=store).validation_share == 0.5
    with pytest.raises(VersionConflict, match=r"exists with validation_share 0\.5, not 0\.2"):
        Dataset.create_or_get("regression", "v2", validation_share=0.2, store=store)


def test_names_have_to_fit_a_file_and_shares_be_shares(store):
    for name, version in (("../up", "v1"), ("a", "v/1"), ("", "v1"), ("a", ".hidden")):
        with pytest.raises(InputError, match="letters, digits"):
            Dataset.create_or_get(name, version, store=store)
    with pytest.raises(InputError, match="validation_share is 10"):
        Dataset.create_or_get("a", "v1", validation_share=10, store=store)
    assert list_versions(store=store) == []


def test_get_finds_versions_and_says_which_there_are(store, dataset, monkeypatch, tmp_path):
    Dataset.create_or_get("regression", "v0", store=store)
    assert Dataset.get("regression", "v1", store=store).id == dataset.id
    assert Dataset.get("regression", store=store).version == "v0"
    with pytest.raises(UnknownName, match=r"no dataset nope in .*: there is regression v1, regr"):
        Dataset.get("nope", store=store)
    with pytest.raises(UnknownName, match="no dataset regression version v9"):
        Dataset.get("regression", "v9", store=store)
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "none"))
    with pytest.raises(StoreError, match="no store at"):
        Dataset.get("regression")


def test_a_sealed_version_takes_its_own_rows_and_no_others(store, dataset, prefer):
    mine, others = prefer(range(4)), prefer(range(10, 13), name="more")
    dataset.add_rows(mine)
    sealed = dataset.seal()
    assert dataset.seal() == sealed == dataset.content_hash
    assert dataset.add_rows(mine) == AddReport(0, 4)
    with pytest.raises(
        VersionSealed, match="version v1 is sealed with 4 rows and 3 of the 5 given are not among"
    ):
        dataset.add_rows([*mine[:2], *others])
    assert len(Dataset.get("regression", "v1", store=store)) == 4


def test_an_empty_version_cannot_be_sealed(dataset):
    with pytest.raises(DatasetError, match="holds no rows"):
        dataset.seal()
    assert not dataset.sealed


def test_the_hash_is_of_the_content(store, dataset, prefer):
    preferences = prefer(range(5))
    dataset.add_rows(preferences)
    twin = Dataset.create_or_get("twin", "v1", store=store)
    twin.add_rows(preferences[3:])
    twin.add_rows(preferences[:3])
    assert dataset.seal() == twin.seal()
    smaller = Dataset.create_or_get("smaller", "v1", store=store)
    smaller.add_rows(preferences[:4])
    assert smaller.seal() != twin.seal()


def test_the_file_holds_the_rows_and_a_changed_one_is_found_out(store, dataset, prefer):
    preferences = prefer(range(5))
    dataset.add_rows(preferences)
    draft = [(row.row_hash, row.split, row.preference) for row in dataset]
    dataset.seal()
    path = dataset.path
    assert path == store.root / "datasets" / "regression" / (
        f"v1-{dataset.content_hash[:16]}.parquet"
    )
    fresh = Dataset.get("regression", "v1", store=store)
    assert [(row.row_hash, row.split, row.preference) for row in fresh] == draft

    table = pq.ParquetFile(path).read()
    rows = table.to_pylist()
    for change in (
        {"chosen": [{"role": "assistant", "content": "hacked"}]},
        {"split": "validation" if rows[0]["split"] == "train" else "train"},
        {"row_hash": rows[1]["row_hash"]},
    ):
        changed = [{**rows[0], **change}, *rows[1:]]
        pq.write_table(table.from_pylist(changed, schema=table.schema), path)
        with pytest.raises(DatasetError, match="does not hold what was sealed"):
            list(Dataset.get("regression", "v1", store=store))
    pq.write_table(table.slice(1), path)
    with pytest.raises(DatasetError, match="does not hold what was sealed"):
        list(Dataset.get("regression", "v1", store=store))
    path.write_text("no parquet")
    with pytest.raises(DatasetError, match="cannot be read") as caught:
        list(Dataset.get("regression", "v1", store=store))
    assert "\n" not in str(caught.value)


def test_a_lost_file_is_written_again_from_the_store(store, dataset, prefer):
    dataset.add_rows(prefer(range(5)))
    dataset.seal()
    before = dataset.path.read_bytes()
    dataset.path.unlink()
    assert len(list(Dataset.get("regression", "v1", store=store))) == 5
    assert dataset.path.read_bytes() == before


def test_only_what_a_queue_of_this_store_exported_is_taken(dataset, prefer):
    (first, *_) = prefer(range(2))
    with pytest.raises(DatasetError, match="was changed after its queue exported it"):
        dataset.add_rows([replace(first, chosen="something else")])
    with pytest.raises(UnknownName, match="preference nope is not in this store"):
        dataset.add_rows([first, replace(first, id="nope")])
    assert len(dataset) == 0


def test_an_item_is_in_a_version_with_one_set_of_labels(store, dataset, prefer):
    dataset.add_rows(prefer(range(2)))
    queue = AnnotationQueue.get("prefs", store=store)
    item = queue.items()[0]
    queue.submit(item.id, "cy", Label(item.answer("sampled").key, 3))
    with pytest.raises(VersionConflict, match="would hold 1 items with two sets of labels"):
        dataset.add_rows(queue.export("unpaired"))
    assert len(dataset) == 2


def test_conversations_and_families_stay_on_one_side_as_a_draft_grows(store, prefer):
    dataset = Dataset.create_or_get("split", "v1", validation_share=0.3, store=store)
    for stop in (3, 9, 24):
        dataset.add_rows(prefer(range(stop)))
        sides: dict[str, set[str]] = {}
        for row in dataset:
            for name in (row.preference.conversation_id, row.preference.family):
                sides.setdefault(name, set()).add(row.split)
        assert all(len(found) == 1 for found in sides.values())
    assert set(dataset.splits) == {"train", "validation"}
    assert sum(dataset.splits.values()) == 24
    assert len(dataset.rows(split="validation")) == dataset.splits["validation"]


def test_a_row_reads_as_the_trace_it_came_from(dataset, prefer):
    dataset.add_rows(prefer(range(1)))
    (row,) = dataset
    assert row.answer == row.chosen
    assert row.answer.startswith("Pipe is covered.")
    assert row.rejected == "Refused 0."
    assert row.context == ("Pipe 0 is covered up to 500.",)
    assert row.prompt[1]["tool_calls"][0]["function"]["name"] == "look_up"
    assert row.expected.facts == ("covered",)
    assert row.cohort == "expert-hard"
    trace = row.trace
    assert (trace.id, trace.conversation_id, trace.answer) == ("trace-0", "talk-0", row.answer)
    assert (trace.messages, trace.expected) == (row.prompt, row.expected)
    assert trace.steps == (ToolCall("look_up", {}),)


def test_scores_are_attached_to_their_row(store, dataset, prefer):
    dataset.add_rows(prefer(range(2)))
    dataset.seal()
    first, second = dataset
    first.attach_scores(
        grounded=Score("groundedness", "1", 0.5), done=Score("task_completion", "2", 1.0)
    )
    with pytest.raises(InputError, match=r"attach_scores\(grounded=...\): .* not float"):
        second.attach_scores(done=Score("task_completion", "2", 0.0), grounded=0.5)
    found = dataset.scores()
    assert list(found) == [first.row_hash]
    assert found[first.row_hash]["groundedness"].value == 0.5
    assert found[first.row_hash]["task_completion"].version == "2"


def test_examples_are_what_training_reads(store, prefer):
    dataset = Dataset.create_or_get("train", "v1", validation_share=0.3, store=store)
    dataset.add_rows(prefer(range(12)))
    dataset.add_rows(prefer(range(12, 16), name="alone", alone=True, inclusion=0.5))
    with pytest.raises(DatasetError, match="is a draft: seal it before training"):
        dataset.examples()
    dataset.seal()
    pairs, chosen = dataset.examples(split=None), dataset.examples("chosen", split=None)
    assert (len(pairs), len(chosen)) == (12, 16)
    assert all(len(example.completions) == 2 for example in pairs)
    assert pairs[0].completions[1].startswith("Refused")
    assert [len(example.completions) for example in chosen] == [1] * 16
    assert sorted(example.weight for example in chosen) == [1.0] * 12 + [2.0] * 4
    assert {example.id for example in chosen} == {row.row_hash for row in dataset}
    held_out = dataset.examples("chosen", split="validation")
    assert len(dataset.examples("chosen")) + len(held_out) == 16
    assert held_out
    with pytest.raises(InputError, match="kind 'ranked'"):
        dataset.examples("ranked")


def test_simulated_labels_are_counted(store, dataset, prefer):
    dataset.add_rows(prefer(range(2)))
    dataset.add_rows(prefer(range(10, 13), name="robots", simulated=True))
    assert dataset.simulated == 3
    assert dataset.streams == {"reviewer": 5}
    assert dataset.cohorts == {"expert-hard": 2, "long-tail-refusal": 2, "tool-heavy": 1}


def test_the_last_audit_of_each_queue_is_told(store, dataset, prefer):
    dataset.add_rows(prefer(range(2), name="people"))
    dataset.add_rows(prefer(range(10, 13), name="robots", simulated=True))
    assert dataset.alphas == {"people": None, "robots": None}
    queue = AnnotationQueue.get("robots", store=store)
    with store.transaction() as tx:
        for day, alpha in enumerate((0.9, 0.31), start=1):
            made = datetime(2026, 6, day, tzinfo=UTC)
            row = AuditRow(str(day), queue.id, alpha, 0.6, alpha > 0.6, {}, made)
            put_audit(tx, row, actor="ana")
    assert dataset.alphas == {"people": None, "robots": 0.31}


def test_versions_are_listed_with_their_state(store, dataset, prefer):
    dataset.add_rows(prefer(range(2)))
    Dataset.create_or_get("another", "v1", store=store)
    dataset.seal()
    assert [repr(found) for found in list_versions(store=store)] == [
        "Dataset('another', 'v1', draft, 0 rows)",
        f"Dataset('regression', 'v1', sealed {dataset.content_hash[:12]}, 2 rows)",
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_file_loads_in_datasets_and_pandas_as_it_is(tmp_path, dataset, prefer):
    import pandas as pd

    import datasets

    dataset.add_rows(prefer(range(3)))
    dataset.add_rows(prefer(range(10, 11), name="alone", alone=True))
    dataset.seal()
    loaded = datasets.load_dataset(
        "parquet", data_files=str(dataset.path), split="train", cache_dir=str(tmp_path / "cache")
    )
    rows = list(dataset)
    assert len(loaded) == 4
    assert loaded[0]["prompt"][3] == {"role": "user", "content": rows[0].prompt[3]["content"]}
    assert loaded[0]["chosen"] == [{"role": "assistant", "content": rows[0].chosen}]
    assert loaded[0]["rejected"] == [{"role": "assistant", "content": rows[0].rejected}]
    assert loaded[3]["rejected"] is None
    frame = pd.read_parquet(dataset.path)
    assert list(frame["row_hash"]) == [row.row_hash for row in rows]
    assert frame["chosen"][0][0]["content"] == rows[0].chosen


def test_a_version_takes_what_would_leave_it_with_just_that(store, prefer):
    rows = prefer(range(6))
    fewer = rows[:4]
    dataset = Dataset.create_or_get("d", "v1", store=store)
    dataset.add_rows(fewer)
    assert dataset.takes(rows)
    assert not dataset.takes(rows[1:])
    dataset.seal()
    assert dataset.takes(fewer)
    assert not dataset.takes(rows)
    assert not dataset.takes(rows[:3])
