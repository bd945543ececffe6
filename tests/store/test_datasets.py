from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from trueup.store import Store, schema
from trueup.store.annotations import put_annotation
from trueup.store.datasets import (
    CohortEvaluation,
    MemberRow,
    count_simulated,
    count_streams,
    find_version,
    list_evaluations,
    list_members,
    list_versions,
    lock_version,
    put_evaluation,
    put_members,
    put_version,
    seal_version,
    set_splits,
)
from trueup.store.items import put_item
from trueup.store.preferences import put_preference
from trueup.store.queues import find_queue, put_queue
from trueup.store.traces import put_trace
from trueup.types import Annotation, Item, ItemAnswer, Label, Preference, Trace

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
STAMP = {"actor": "ana", "now": NOW}
TURNS = ({"role": "user", "content": "?"},)


def settle(tx, key: str, *, simulated: bool) -> None:
    """Store the chain from a trace to a preference, all with ids that end in `key`."""
    trace = Trace(f"t{key}", f"talk{key}", "cohort", TURNS, "served")
    put_trace(tx, trace, source="test", checkpoint_id=None, **STAMP)
    answers = (ItemAnswer("a", "served", "served"),)
    queue_id = find_queue(tx, "q").id
    item = Item(f"i{key}", queue_id, f"t{key}", f"talk{key}", "cohort", "kind", f"family{key}",
                TURNS, (), answers, "sampled")  # fmt: skip
    put_item(tx, item, **STAMP)
    label = Annotation(f"n{key}", f"i{key}", "rita", Label("a"), "reviewer", simulated, NOW)
    put_annotation(tx, label, replaces=None, actor="rita")
    preference = Preference(f"p{key}", f"i{key}", f"t{key}", f"talk{key}", "cohort", "kind",
                            f"family{key}", TURNS, (), "served", None, "served", None, 1, 1.0,
                            (f"n{key}",))  # fmt: skip
    put_preference(tx, preference, **STAMP)


def member(key: str, position: int, split: str = "train") -> MemberRow:
    return MemberRow(
        f"hash{key}", position, f"p{key}", split, "cohort", f"i{key}", f"talk{key}", f"family{key}"
    )


@pytest.fixture
def tx(new_store, tmp_path):
    """A transaction on a store with two preferences and a draft."""
    with Store.open(new_store(tmp_path / "store")) as store, store.transaction() as opened:
        put_queue(opened, "q", overlap=1, stream="reviewer", questions=(), settings={}, **STAMP)
        settle(opened, "1", simulated=False)
        settle(opened, "2", simulated=True)
        put_version(opened, "d", "v1", validation_share=0.1, **STAMP)
        yield opened


def test_a_version_is_stored_once_and_starts_as_an_empty_draft(tx):
    assert not put_version(tx, "d", "v1", validation_share=0.5, **STAMP)
    assert put_version(tx, "d", "v2", validation_share=0.5, actor="ana", now=LATER)
    assert put_version(tx, "c", "v1", validation_share=0.5, actor="ana", now=LATER)
    found = find_version(tx, "d", "v1")
    assert (found.name, found.version, found.validation_share, found.rows) == ("d", "v1", 0.1, 0)
    assert (found.content_hash, found.sealed_at, found.created_at) == (None, None, NOW)
    assert [(v.name, v.version) for v in list_versions(tx)] == [
        ("c", "v1"),
        ("d", "v1"),
        ("d", "v2"),
    ]
    assert [v.version for v in list_versions(tx, name="d")] == ["v1", "v2"]
    assert find_version(tx, "d", "v3") is None


def test_members_come_back_in_their_order_with_their_origin(tx):
    version = find_version(tx, "d", "v1")
    lock_version(tx, version.id)
    rows = [member("2", 0), member("1", 1)]
    assert put_members(tx, version.id, rows, **STAMP) == 2
    assert put_members(tx, version.id, rows, **STAMP) == 0
    assert list_members(tx, version.id) == rows
    assert find_version(tx, "d", "v1").rows == 2
    set_splits(tx, version.id, {"hash2": "validation"})
    assert [m.split for m in list_members(tx, version.id)] == ["validation", "train"]
    set_splits(tx, version.id, {})


def test_a_version_is_sealed_once(tx):
    version = find_version(tx, "d", "v1")
    seal_version(tx, version.id, "a" * 64, actor="ana", now=LATER)
    seal_version(tx, version.id, "b" * 64, actor="ben", now=NOW)
    found = find_version(tx, "d", "v1")
    assert (found.content_hash, found.sealed_at, found.sealed_by) == ("a" * 64, LATER, "ana")


def test_preferences_on_simulated_labels_are_counted(tx):
    assert count_simulated(tx, ["p1", "p2", "none"]) == 1
    assert count_simulated(tx, ["p1"]) == 0


def test_preferences_are_counted_by_whose_labels_they_rest_on(tx):
    label = Annotation("n3", "i1", "uma", Label("a"), "end_user", False, NOW)
    put_annotation(tx, label, replaces=None, actor="uma")
    tx.execute(
        sa.insert(schema.preference_annotation).values(preference_id="p1", annotation_id="n3")
    )
    assert count_streams(tx, ["p1", "p2", "none"]) == {"end_user": 1, "reviewer": 2}
    assert count_streams(tx, []) == {}


def test_evaluations_come_back_the_latest_last(tx):
    version = find_version(tx, "d", "v1")

    def evaluation(key: str, mean: float | None, now: datetime) -> CohortEvaluation:
        return CohortEvaluation(
            key, version.id, "says", "1", "cohort", 0.9, mean, 3, 1, mean is not None, now
        )

    new, old = evaluation("e1", None, LATER), evaluation("e2", 0.95, NOW)
    assert [put_evaluation(tx, e, actor="ana") for e in (new, old, old)] == [True, True, False]
    assert list_evaluations(tx, version.id) == [old, new]
    assert list_evaluations(tx, "none") == []
