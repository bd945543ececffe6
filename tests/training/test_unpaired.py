from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.training.groups import Group
from trueup.training.unpaired import mismatched, unpair
from trueup.types import Example


def test_a_pair_is_a_wanted_and_an_unwanted_row(examples: Callable[..., list[Example]]) -> None:
    (pair,) = examples(1, pairs=True)
    wanted, unwanted = unpair([replace(pair, weight=2.0)])
    assert (wanted.completions, wanted.desirable) == (pair.completions[:1], True)
    assert (unwanted.completions, unwanted.desirable) == (pair.completions[1:], False)
    assert wanted.messages == unwanted.messages == pair.messages
    assert (wanted.weight, unwanted.weight) == (2.0, 2.0)
    assert len({wanted.id, unwanted.id, pair.id}) == 3


def test_a_single_completion_says_whether_it_is_wanted(
    examples: Callable[..., list[Example]],
) -> None:
    labelled = [replace(row, desirable=i > 0) for i, row in enumerate(examples(3))]
    assert unpair(labelled) == labelled
    with pytest.raises(
        InputError, match=r"2 rows have a completion without a label \(row1, row2\)"
    ):
        unpair([labelled[0], *examples(3)[1:]])


def test_a_pair_of_equal_answers_is_named(examples: Callable[..., list[Example]]) -> None:
    one, other = examples(2, pairs=True)
    same = replace(other, completions=("yes", "yes"))
    with pytest.raises(InputError, match=r"1 of 2 rows have chosen equal to rejected \(row1\)"):
        unpair([one, same])


def test_every_prompt_gets_the_answer_of_another() -> None:
    groups = [Group(str(i), (i, 7), ((i + 10,),)) for i in range(4)]
    rows = mismatched(groups, 9)
    assert [row.prompt for row in rows] == [group.prompt for group in groups]
    assert [row.completions[0][0] - 10 for row in rows] == [3, 0, 1, 2]
    assert mismatched(groups[:1], 9) == []


def test_of_a_pair_neither_half_lends_to_the_other() -> None:
    pairs = [Group(f"{i}", (i, 7), ((10 * i + k,),)) for i in range(3) for k in range(2)]
    assert [row.completions[0][0] for row in mismatched(pairs, 9)] == [20, 21, 0, 1, 10, 11]
    # where no place parts all, the one that parts most
    assert [row.completions[0][0] for row in mismatched(pairs[:2], 9)] == [1, 0]
    assert [row.completions[0][0] for row in mismatched(pairs[:3], 9)] == [10, 0, 1]


@given(st.lists(st.integers(1, 8), min_size=2, max_size=6))
def test_a_mismatched_row_is_no_longer_than_rows_may_be(prompts: list[int]) -> None:
    groups = [Group("", (5,) * length, ((7,) * (9 - length),)) for length in prompts]
    rows = mismatched(groups, 9)
    assert all(len(row.prompt) + len(row.completions[0]) <= 9 for row in rows)
    assert all(row.completions[0] for row in rows)
