"""Balanced choices: what is chosen balances, and nothing more would fit."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from trueup.stats.flow import balanced_subset

Pairs = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=9)


def balances(pairs):
    return Counter(a for a, _ in pairs) == Counter(b for _, b in pairs)


@given(Pairs)
def test_the_choice_balances_and_none_is_larger(pairs):
    chosen = balanced_subset(pairs)
    assert chosen == sorted(set(chosen))
    assert balances([pairs[i] for i in chosen])
    sizes = range(len(chosen) + 1, len(pairs) + 1)
    assert not any(balances(some) for size in sizes for some in combinations(pairs, size))


def test_pairs_that_all_point_one_way_leave_none():
    assert balanced_subset([("tool", "refusal")] * 5) == []


def test_a_pair_of_equals_is_always_chosen_and_a_circle_is_kept_whole():
    pairs = [("a", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "b")]
    assert balanced_subset(pairs) == [0, 1, 2, 3]


def test_many_pairs_are_chosen_at_once():
    pairs = [("a", "b")] * 3000 + [("b", "a")] * 2000
    assert len(balanced_subset(pairs)) == 4000
