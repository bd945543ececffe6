from datetime import UTC, datetime, timedelta

import pytest

from trueup.store.scores import find_by_input, get_scores, put_scores
from trueup.store.traces import put_trace
from trueup.types import Score, Trace

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(store):
    with store.transaction() as tx:
        for key in ("t1", "t2"):
            trace = Trace(key, key, "a", ({"role": "user", "content": "hi"},), "yes")
            put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
    return store


def score(value: float | None, version: str = "1") -> Score:
    return Score("groundedness", version, value, "some", 2.5, "why", ("a sentence",))


def test_scores_come_back_by_subject_and_evaluator(store):
    length = Score("length_drift", "1", measure=3.0)
    with store.transaction() as tx:
        assert put_scores(tx, "trace", [("t1", score(0.5)), ("t1", length)], "ana", NOW) == 2
    with store.reading() as tx:
        found = get_scores(tx, "trace", ["t1", "t2", "t1"])
    assert found == {"t1": {"groundedness": score(0.5), "length_drift": length}}


def test_scoring_again_writes_nothing(store):
    with store.transaction() as tx:
        put_scores(tx, "trace", [("t1", score(0.5))], "ana", NOW)
        assert put_scores(tx, "trace", [("t1", score(0.9))], "bob", NOW) == 0
        assert get_scores(tx, "trace", ["t1"])["t1"]["groundedness"].value == 0.5


def test_the_latest_version_is_the_one_that_counts(store):
    later = NOW + timedelta(days=1)
    with store.transaction() as tx:
        put_scores(tx, "trace", [("t1", score(0.9, "2"))], "ana", later)
        put_scores(tx, "trace", [("t1", score(0.5, "1"))], "ana", NOW)
        assert get_scores(tx, "trace", ["t1"])["t1"]["groundedness"] == score(0.9, "2")


def test_unscored_is_none_and_never_zero(store):
    with store.transaction() as tx:
        put_scores(tx, "trace", [("t1", score(None)), ("t2", score(0.0))], "ana", NOW)
        found = get_scores(tx, "trace", ["t1", "t2"])
    assert found["t1"]["groundedness"].value is None
    assert found["t2"]["groundedness"].value == 0.0


def test_what_scoring_took_and_cost_is_kept(store):
    paid = Score("groundedness", "1", 0.5, seconds=1.25, cost=0.002)
    with store.transaction() as tx:
        put_scores(tx, "trace", [("t1", paid)], "ana", NOW)
        found = get_scores(tx, "trace", ["t1"])["t1"]["groundedness"]
    assert (found.seconds, found.cost) == (1.25, 0.002)


def test_only_the_versions_that_are_asked_for(store):
    with store.transaction() as tx:
        put_scores(tx, "trace", [("t1", score(0.5, "1"))], "ana", NOW)
        put_scores(tx, "trace", [("t1", score(0.9, "2"))], "ana", NOW + timedelta(days=1))

        def found(**versions):
            return get_scores(tx, "trace", ["t1"], versions=versions)

        assert found(groundedness="1")["t1"]["groundedness"].value == 0.5
        assert found(groundedness="2", refusal="1")["t1"]["groundedness"].value == 0.9
        assert found(refusal="1") == found() == {}


def test_a_score_is_found_by_its_input(store):
    broken = Score("refusal", "1", reason="failed: ValueError: x")
    inputs = {("t1", "groundedness"): "g", ("t1", "refusal"): "r", ("t2", "groundedness"): "g"}
    with store.transaction() as tx:
        rows = [("t1", score(0.5)), ("t2", score(0.5)), ("t1", broken)]
        assert put_scores(tx, "trace", rows, "ana", NOW, inputs=inputs) == 3
        put_scores(tx, "trace", [("t2", Score("refusal", "1", 1.0))], "ana", NOW)
        assert find_by_input(tx, ["g", "r", "x"]) == {"g": score(0.5)}


@pytest.mark.parametrize("first", ["broken", "scored"])
def test_a_score_that_broke_gives_way(store, first):
    scored = score(0.5)
    broken = Score("groundedness", "1", reason="failed: ValueError: x")
    rows = [("t1", broken), ("t1", scored)]
    with store.transaction() as tx:
        for row in rows if first == "broken" else reversed(rows):
            assert put_scores(tx, "trace", [row], "ana", NOW) == 1
        assert get_scores(tx, "trace", ["t1"]) == {"t1": {"groundedness": scored}}
