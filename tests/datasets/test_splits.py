from hypothesis import given
from hypothesis import strategies as st

from trueup.datasets._splits import assign_splits

origins = st.lists(
    st.tuples(
        st.integers(0, 12).map(lambda n: f"talk-{n}"),
        st.one_of(st.just(""), st.integers(0, 6).map(lambda n: f"family-{n}")),
    ),
    max_size=30,
)


@given(origins, st.floats(0, 1))
def test_no_conversation_and_no_family_is_on_both_sides(rows, share):
    splits = assign_splits(rows, share)
    for position in (0, 1):
        sides: dict[str, set[str]] = {}
        for row, split in zip(rows, splits, strict=True):
            if row[position]:
                sides.setdefault(row[position], set()).add(split)
        assert all(len(found) == 1 for found in sides.values())


@given(origins, st.floats(0, 1), st.randoms())
def test_splits_do_not_depend_on_the_order_of_the_rows(rows, share, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one = dict(zip(rows, assign_splits(rows, share), strict=True))
    two = dict(zip(shuffled, assign_splits(shuffled, share), strict=True))
    assert one == two


@given(st.lists(st.integers(0, 50).map(lambda n: (f"talk-{n}", "")), max_size=30))
def test_neither_side_is_empty_where_two_groups_are(rows):
    groups = len({row[0] for row in rows})
    for share in (0.001, 0.1, 0.999):
        splits = assign_splits(rows, share)
        assert len(set(splits)) == min(groups, 2)
    assert set(assign_splits(rows, 0)) <= {"train"}
    assert set(assign_splits(rows, 1)) <= {"validation"}


def test_one_group_alone_is_trained_on():
    # "talk-1" is held out among others at this share, so that the rule and not the hash decides
    many = [(f"talk-{n}", "") for n in range(200)]
    held_out = [
        row
        for row, split in zip(many, assign_splits(many, 0.5), strict=True)
        if split == "validation"
    ]
    assert assign_splits(held_out[:1], 0.5) == ["train"]


def test_the_share_is_met_and_a_conversation_stays_on_its_side_as_others_join():
    many = [(f"talk-{n}", "") for n in range(2000)]
    splits = dict(zip(many, assign_splits(many, 0.1), strict=True))
    assert 150 < list(splits.values()).count("validation") < 250
    few = many[500:1500]
    assert dict(zip(few, assign_splits(few, 0.1), strict=True)) == {r: splits[r] for r in few}
