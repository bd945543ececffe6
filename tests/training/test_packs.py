from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trueup.training.groups import Group
from trueup.training.layers.tree import build_tree
from trueup.training.packs import packed

tokens = st.lists(st.integers(0, 1), min_size=1, max_size=40).map(tuple)
groups_of = st.lists(
    st.builds(
        Group,
        id=st.uuids().map(str),
        prompt=tokens,
        completions=st.lists(tokens, min_size=1, max_size=3).map(tuple),
    ),
    max_size=8,
)


def distinct(groups: list[Group]) -> int:
    return build_tree([path for group in groups for path in group.paths]).size


@given(groups_of, st.integers(1, 200))
def test_packs_hold_every_group_once_within_the_budget(groups: list[Group], limit: int) -> None:
    packs = list(packed(groups, tokens=limit))
    assert sorted(g.id for pack in packs for g in pack) == sorted(g.id for g in groups)
    assert all(distinct(pack) <= limit or len(pack) == 1 for pack in packs)


def test_a_shared_prefix_counts_once() -> None:
    groups = [Group(str(i), (*range(100), 100 + i), ((7, 8),)) for i in range(10)]
    assert distinct(groups) == 100 + 10 * 2
    assert len(list(packed(groups, tokens=100 + 10 * 2))) == 1
    assert len(list(packed(groups, tokens=100 + 10 * 2 - 1))) == 2


def test_what_the_tree_does_not_merge_counts_twice() -> None:
    prompt = tuple(range(100))
    pair = Group("a", (*prompt, 100, 101), ((1, 2), (3, 4)))
    groups = [pair, Group("b", (*prompt, 200), ((1, 2),))]
    assert distinct(groups) == 100 + 2 * 3 + 2, "two tokens of a prompt are not worth a branch"
    assert len(list(packed(groups, tokens=107))) == 2
