from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from trueup.datasets._records import SCHEMA, row_hash, to_preference, to_record, version_hash
from trueup.types import AnyOf, Expected, Preference, ToolCall

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": st.none() | text | st.lists(st.dictionaries(text, text, max_size=2), max_size=2),
        "tool_calls": values,
        "name": text,
    },
)
preferences = st.builds(
    Preference,
    id=text,
    item_id=text,
    trace_id=text,
    conversation_id=text,
    cohort=text,
    question_type=text,
    family=text,
    messages=st.lists(messages, min_size=1, max_size=3).map(tuple),
    context=st.lists(text, max_size=2).map(tuple),
    chosen=text,
    rejected=st.none() | text,
    origin=st.sampled_from(["sampled", "served", "corrected"]),
    agreement=st.none() | st.floats(0, 1),
    raters=st.integers(1, 9),
    strength=st.floats(0, 3),
    weight=st.just(1.0) | st.floats(1, 9),
    annotation_ids=st.lists(text, max_size=3).map(tuple),
    expected=st.none()
    | st.builds(
        Expected,
        calls=st.none() | st.just((ToolCall("pay", {"sum": AnyOf(1, None)}),)),
        facts=st.just(("a", ("b", "c"))),
        refuse=st.none() | st.booleans(),
    ),
)


@given(preferences)
def test_a_preference_comes_back_whole_from_its_record_in_a_file(preference):
    record = to_record(preference, split="train")
    assert to_preference(record) == preference
    (stored,) = pa.Table.from_pylist([record], schema=SCHEMA).to_pylist()
    assert stored == record
    assert row_hash(stored) == record["row_hash"]


@given(preferences)
def test_a_row_from_before_there_were_weights_is_a_row_of_weight_one(preference):
    record = to_record(replace(preference, weight=1.0), split="train")
    old = {key: value for key, value in record.items() if key != "weight"}
    assert row_hash(old) == record["row_hash"]
    assert to_preference(old) == replace(preference, weight=1.0)


@given(preferences, preferences)
def test_rows_have_one_hash_only_if_they_say_the_same(one, other):
    same = to_record(one, split="train")["row_hash"] == to_record(other, split="train")["row_hash"]
    assert same == (one == other)


@given(preferences, preferences)
def test_a_versions_hash_is_of_its_rows_and_splits_in_any_order(one, other):
    a, b = to_record(one, split="train"), to_record(other, split="validation")
    assert version_hash([a, b]) == version_hash([b, a])
    assert version_hash([a, b]) != version_hash([a, {**b, "split": "train"}])
    assert version_hash([a, b]) != version_hash([a])
