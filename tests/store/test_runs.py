from datetime import UTC, datetime, timedelta

import pytest

from trueup.errors import UnknownName
from trueup.store.runs import (
    get_checkpoint,
    get_run,
    list_checkpoints,
    list_runs,
    put_checkpoint,
    put_run,
)
from trueup.types import Checkpoint, Run

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BASE = Checkpoint("aaaaaa111111", "/m/base", "f" * 64, "base")
MADE = Checkpoint("aaaaaa222222", "/m/made", "e" * 64, "candidate")
RUN = Run(
    "run-0001", "dpo", "dpo", {"lr": 1e-5}, BASE.id, MADE.id, None, 7, "abc123", {"loss": 0.5}
)


@pytest.fixture
def filled(store):
    with store.transaction() as tx:
        assert put_checkpoint(tx, BASE, "ana", NOW)
        assert put_checkpoint(tx, MADE, "ana", NOW + timedelta(seconds=1))
        assert put_run(tx, RUN, "ana", NOW)
    return store


def test_what_was_put_comes_back(filled):
    with filled.reading() as tx:
        assert get_checkpoint(tx, BASE.id) == BASE
        assert get_run(tx, "run-0001") == RUN
        assert list_runs(tx, MADE.id) == [RUN]
        assert list_runs(tx, BASE.id) == []


def test_putting_twice_is_putting_once(filled):
    with filled.transaction() as tx:
        assert not put_checkpoint(tx, BASE, "ben", NOW)
        assert not put_run(tx, RUN, "ben", NOW)
        assert list_runs(tx) == [RUN]


def test_checkpoints_come_newest_first_and_by_role(filled):
    with filled.reading() as tx:
        assert list_checkpoints(tx) == [MADE, BASE]
        assert list_checkpoints(tx, "base") == [BASE]


def test_a_prefix_is_enough_where_it_is_unambiguous(filled):
    with filled.reading() as tx:
        assert get_checkpoint(tx, "aaaaaa2") == MADE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("aaaaaa", "begins several ids, aaaaaa111111 and aaaaaa222222"),
        ("aaa", "at least 6"),
        ("bbbbbbb", "the newest are aaaaaa222222, aaaaaa111111"),
        ("aaaaaa%", "none in this store"),
    ],
)
def test_other_names_are_refused_in_one_line(filled, given, said):
    with filled.reading() as tx, pytest.raises(UnknownName, match=said) as caught:
        get_checkpoint(tx, given)
    assert "\n" not in str(caught.value)


def test_an_empty_store_says_so(store):
    with store.reading() as tx, pytest.raises(UnknownName, match="holds no checkpoint yet"):
        get_checkpoint(tx, "aaaaaa111111")
