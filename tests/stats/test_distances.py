from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.stats.distances import masi_distances, ranking_distances

sets = st.frozensets(st.sampled_from("abcd"))
rankings = st.tuples(*[st.integers(1, 4)] * 4)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("a", "a", 0),
        ("", "", 0),
        ("", "a", 1),
        ("a", "b", 1),
        ("ab", "abcd", 1 - 1 / 2 * 2 / 3),  # one holds the other
        ("ab", "bc", 1 - 1 / 3 * 1 / 3),  # they overlap
        ("abc", "abd", 1 - 2 / 4 * 1 / 3),
    ],
)
def test_masi_by_hand(first, second, distance):
    found = masi_distances([frozenset(first), frozenset(second)])
    assert found == pytest.approx(np.array([[0, distance], [distance, 0]]))


def test_masi_equals_nltks_example():
    # its documentation has 0.665 for these, from a monotonicity rounded to 0.67
    assert masi_distances([frozenset({1, 2}), frozenset({1, 2, 3, 4})])[0, 1] == pytest.approx(
        0.665, abs=2e-3
    )


@given(st.lists(sets, min_size=1, max_size=6), st.permutations("abcd"))
def test_masi_ignores_what_labels_are_called(values, names):
    renamed = [frozenset(dict(zip("abcd", names, strict=True))[x] for x in v) for v in values]
    assert np.array_equal(masi_distances(values), masi_distances(renamed))


@given(st.lists(sets, min_size=2, max_size=6, unique=True))
def test_masi_is_zero_for_equal_sets_alone_and_one_for_disjoint_ones_alone(values):
    found = masi_distances(values)
    for (i, a), (j, b) in product(enumerate(values), repeat=2):
        assert (found[i, j] == 0) == (a == b)
        assert (found[i, j] == 1) == (a != b and not a & b)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ((1, 2, 3), (1, 2, 3), 0),
        ((1, 2, 3), (3, 2, 1), 1),
        ((1, 2, 3), (2, 1, 3), 1 / 3),  # one pair of three the other way round
        ((1, 2, 3), (1, 1, 2), 1 / 6),  # one pair tied in one alone
        ((1, 1, 1), (1, 2, 3), 1 / 2),
        ((1, 1, 2), (2, 1, 1), 2 / 3),  # a-b half, a-c whole, b-c half
        ((1.0, 2.5), (7, 9), 0),
    ],
)
def test_kemeny_and_snells_distance_by_hand(first, second, distance):
    found = ranking_distances([first, second])
    assert found == pytest.approx(np.array([[0, distance], [distance, 0]]))


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_without_ties_it_is_kendalls_tau_turned_round(first, second):
    from scipy.stats import kendalltau

    tau = kendalltau(first, second).statistic
    found = ranking_distances([tuple(first), tuple(second)])[0, 1]
    assert found == pytest.approx((1 - tau) / 2)


@given(rankings, rankings, rankings, st.permutations(range(4)))
def test_rankings_form_a_metric_that_ignores_names_and_mirrors(a, b, c, order):
    found = ranking_distances([a, b, c])
    assert found[0, 2] <= found[0, 1] + found[1, 2] + 1e-12
    moved = [tuple(value[i] for i in order) for value in (a, b, c)]
    turned = [tuple(-rank for rank in value) for value in (a, b, c)]
    assert ranking_distances(moved) == pytest.approx(found)
    assert ranking_distances(turned) == pytest.approx(found)


def test_values_that_are_no_sets_or_rankings_are_refused():
    with pytest.raises(InputError, match=r"frozensets of labels, not \{'a'\}"):
        masi_distances([{"a"}])
    with pytest.raises(InputError, match="one an answer, not 'ab'"):
        ranking_distances(["ab"])
    with pytest.raises(InputError, match="rankings of 1 answers"):
        ranking_distances([(1,), (1,)])
    with pytest.raises(InputError, match="one an answer"):
        ranking_distances([(1, float("nan"))])
