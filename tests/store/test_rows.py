from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError, StoreError
from trueup.store import content_hash, derived_id, new_id, schema
from trueup.store.files import json_line, whole_file
from trueup.store.rows import (
    chunks,
    get_blob,
    get_blobs,
    get_json,
    insert_new,
    put_blob,
    put_json,
)
from trueup.store.stamp import stamp

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_text_is_stored_once(store):
    with store.transaction() as tx:
        keys = {put_blob(tx, "مرحبا 🚰", actor="ana", now=NOW) for _ in range(3)}
        assert len(keys) == 1
        assert get_blob(tx, keys.pop()) == "مرحبا 🚰"
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.blob)).scalar() == 1


def test_json_comes_back_and_is_one_blob_whatever_its_order(store):
    with store.transaction() as tx:
        key = put_json(tx, {"b": [1, None], "a": "ü"}, actor="ana", now=NOW)
        assert put_json(tx, {"a": "ü", "b": [1, None]}, actor="ana", now=NOW) == key
        assert get_json(tx, key) == {"a": "ü", "b": [1, None]}


def test_more_texts_than_a_query_may_name_come_back(store):
    with store.transaction() as tx:
        texts = {put_blob(tx, str(i), actor="ana", now=NOW): str(i) for i in range(1201)}
        assert get_blobs(tx, texts) == texts
        assert get_blobs(tx, []) == {}


def test_keys_are_bound_once_and_not_too_many_at_a_time():
    found = list(chunks([str(i % 1201) for i in range(2000)]))
    assert [len(some) for some in found] == [500, 500, 201]
    assert sorted(key for some in found for key in some) == sorted(map(str, range(1201)))


def test_an_erased_or_unknown_text_is_an_error_that_says_so(store):
    with store.transaction() as tx:
        key = put_blob(tx, "secret", actor="ana", now=NOW)
        tx.execute(sa.update(schema.blob).values(text=None, erased_at=NOW))
        with pytest.raises(StoreError, match=rf"text {key[:12]} \(and 1 more\) was erased"):
            get_blobs(tx, [key, "f" * 64])


def test_insert_new_counts_what_was_not_there(store):
    row = {"id": "x", "text": "t", "actor": "ana", "created_at": NOW}
    with store.transaction() as tx:
        assert insert_new(tx, schema.blob, [row, row, {**row, "id": "y"}]) == 2
        assert insert_new(tx, schema.blob, [{**row, "text": "other"}]) == 0
        assert get_blob(tx, "x") == "t"
        assert insert_new(tx, schema.blob, []) == 0


def test_ids_sort_by_time_or_follow_from_content():
    made = [new_id() for _ in range(50)]
    assert made == sorted(set(made))
    assert derived_id("a", 1) == derived_id("a", 1)
    assert (
        len({derived_id("a", 1), derived_id("a", "1"), derived_id(1, "a"), derived_id("a1")}) == 4
    )
    assert len(derived_id("a")) == 32
    assert content_hash("text") == (
        "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    )


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3))
def test_a_content_hash_ignores_the_order_of_keys(value):
    backwards = dict(reversed(value.items()))
    assert content_hash(value) == content_hash(backwards)
    assert content_hash({**value, "one more": ""}) != content_hash(value)


def test_a_stamp_is_what_was_given_or_whoever_is_here(monkeypatch):
    assert stamp("ana", NOW) == ("ana", NOW)
    monkeypatch.setenv("TRUEUP_ACTOR", "ci")
    assert stamp(now=NOW).actor == "ci"
    monkeypatch.delenv("TRUEUP_ACTOR")
    monkeypatch.setenv("LOGNAME", "rita")
    before = datetime.now(UTC)
    assert stamp().actor == "rita"
    assert before <= stamp().now <= datetime.now(UTC)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file.txt"

    def fail_halfway() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert list(path.parent.iterdir()) == []
    with whole_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    with pytest.raises(InputError, match=r"file\.txt exists"), whole_file(path):
        pass
    with whole_file(path, overwrite=True) as temporary:
        temporary.write_text("other")
    assert [(p.name, p.read_text()) for p in path.parent.iterdir()] == [("file.txt", "other")]
    with pytest.raises(InputError, match="cannot write"), whole_file(path / "below"):
        pass


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_a_json_line_is_one_line_to_every_reader(value):
    import json

    line = json_line(value)
    assert json.loads(line) == value
    assert len(line.splitlines()) == 1
