from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.stats.intervals import Estimate, rate_interval
from trueup.stats.pairwise import difference, pairwise

A, B, TIE, NONE = 1.0, -1.0, 0.0, math.nan


def value(figure: Estimate | None) -> float | None:
    return None if figure is None else figure.value


def test_a_judge_that_always_takes_the_first_has_no_opinion():
    people = [A, A, B, B, TIE]
    made = pairwise(people, [[A, B]] * 5, [A, B, A, B, A], clusters=range(5))
    assert value(made.consistent) == 0
    assert value(made.to_first) == value(made.prefers_first) == 1
    assert value(made.to_second) == 0
    assert made.accuracy_consistent is None
    assert value(made.accuracy) == pytest.approx(2 / 5)
    # half of its choices are wrong, whatever is longer
    assert value(made.verbosity) == 0


def test_a_judge_that_takes_the_longer_is_consistent_and_verbose():
    people, longer = [A, A, B, B, A], [A, B, A, B, A]
    made = pairwise(people, [[size, size] for size in longer], longer, clusters=range(5))
    assert value(made.consistent) == value(made.verbosity) == 1
    assert value(made.prefers_first) == 0.5
    assert value(made.longer_judge) == 1
    assert value(made.longer_people) == pytest.approx(3 / 5)
    assert value(made.accuracy) == value(made.accuracy_consistent) == pytest.approx(3 / 5)


def test_ties_and_missing_verdicts_count_where_they_say_something():
    people = [A, TIE, NONE, B]
    judge = [[A, TIE], [TIE, TIE], [B, B], [NONE, A]]
    made = pairwise(people, judge, [A, TIE, A, B], clusters=range(4))
    assert (made.n, made.both) == (4, 3)
    assert value(made.consistent) == pytest.approx(2 / 3)
    assert value(made.to_first) == value(made.to_second) == 0  # a tie in one order is neither
    assert value(made.accuracy) == pytest.approx((0.5 + 1 + 0) / 3)
    assert made.accuracy_consistent is not None
    assert (made.accuracy_consistent.n, made.accuracy_consistent.value) == (1, 1)
    assert value(made.longer_judge) == pytest.approx(1 / 2)  # of the first and the last
    nothing = pairwise([NONE], [[NONE, NONE]], [A], clusters=[0])
    assert nothing.accuracy is nothing.consistent is nothing.verbosity is None


choices = st.sampled_from([A, B, TIE, NONE])


@given(st.lists(st.tuples(choices, choices, choices, choices), min_size=1, max_size=30))
def test_naming_the_answers_the_other_way_round_changes_nothing(rows):
    people, one, other, longer = (np.array(column) for column in zip(*rows, strict=True))
    longer = np.nan_to_num(longer)
    made = pairwise(people, np.c_[one, other], longer, clusters=range(len(rows)))
    turned = pairwise(-people, np.c_[-other, -one], -longer, clusters=range(len(rows)))
    assert made == turned
    for name in ("consistent", "to_first", "prefers_first", "longer_judge", "accuracy"):
        figure = getattr(made, name)
        assert figure is None or 0 <= figure.low <= figure.value <= figure.high <= 1


def test_a_difference_of_rates_has_newcombes_interval():
    # his example: 56 of 70 and 48 of 80 by method 10 give 0.2 [0.0524, 0.3339]
    one, other = (rate_interval([1] * k + [0] * (n - k), range(n)) for k, n in ((56, 70), (48, 80)))
    made = difference(one, other)
    assert made is not None
    assert (made.value, made.low, made.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=4e-3)
    assert difference(None, other) is None


def test_lengths_must_fit():
    with pytest.raises(ValueError, match="one of each"):
        pairwise([A], [[A, B], [A, B]], [A], clusters=[0])
    with pytest.raises(ValueError, match="one of each"):
        pairwise([A], [[A, B]], [A], clusters=[])
