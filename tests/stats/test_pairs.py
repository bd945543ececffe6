from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.stats.agreement import Ratings
from trueup.stats.pairs import pairwise_agreement

tables = st.integers(1, 4).flatmap(
    lambda raters: st.lists(
        st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=raters, max_size=raters),
        max_size=8,
    ).map(lambda units: [list(row) for row in zip(*units, strict=True)])
)


def plain(first, second):
    both = [(a, b) for a, b in zip(first, second, strict=True) if None not in (a, b)]
    if not both:
        return 0, 0, None, None
    n, agreed = len(both), sum(a == b for a, b in both)
    chance = (
        sum(sum(a == v for a, _ in both) * sum(b == v for _, b in both) for v in "abc")
        / len(both) ** 2
    )
    return n, agreed, agreed / n, None if chance == 1 else (agreed / n - chance) / (1 - chance)


@given(tables)
def test_every_pair_is_that_of_a_loop(table):
    found = pairwise_agreement(Ratings.from_table(table))
    ids = {str(i): row for i, row in enumerate(table) if any(v is not None for v in row)}
    assert {frozenset((f.first, f.second)) for f in found} == {
        frozenset(pair) for pair in combinations(ids, 2)
    }
    assert len(found) == len(ids) * (len(ids) - 1) // 2
    for pair in found:
        n, agreed, share, kappa = plain(ids[pair.first], ids[pair.second])
        assert (pair.units, pair.agreed) == (n, agreed)
        assert pair.share == (None if share is None else pytest.approx(share))
        assert pair.kappa == (None if kappa is None else pytest.approx(kappa))


def test_kappa_equals_the_grants_example():
    # two readers of 50 grants, 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: the textbooks' 0.4
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    [pair] = pairwise_agreement(Ratings.from_table([first, second], raters=["ann", "bob"]))
    assert (pair.first, pair.second, pair.units, pair.share) == ("ann", "bob", 50, 0.7)
    assert pair.kappa == pytest.approx(0.4)


def test_pairs_without_a_common_unit_or_without_variation_have_no_kappa():
    table = [["a", "a", None], ["a", "a", None], [None, None, "b"]]
    found = {(f.first, f.second): f for f in pairwise_agreement(Ratings.from_table(table))}
    assert (found["0", "1"].share, found["0", "1"].kappa) == (1.0, None)
    assert (found["0", "2"].units, found["0", "2"].share, found["0", "2"].kappa) == (0, None, None)


def test_perfect_and_opposite_pairs():
    table = [["a", "b"] * 5, ["a", "b"] * 5, ["b", "a"] * 5]
    found = {(f.first, f.second): f.kappa for f in pairwise_agreement(Ratings.from_table(table))}
    assert found == {("0", "1"): 1.0, ("0", "2"): -1.0, ("1", "2"): -1.0}


def test_too_many_raters_are_an_error_and_not_an_exhausted_memory():
    ratings = Ratings.from_triples([(0, rater, rater % 2) for rater in range(4000)])
    with pytest.raises(InputError, match="4000 raters"):
        pairwise_agreement(ratings)
    assert pairwise_agreement(Ratings.from_triples([])) == []


def test_kappa_equals_that_of_statsmodels():
    import numpy as np
    from statsmodels.stats.inter_rater import cohens_kappa

    rng = np.random.default_rng(5)
    one = rng.integers(0, 4, 200)
    two = np.where(rng.random(200) < 0.6, one, rng.integers(0, 4, 200))
    [pair] = pairwise_agreement(Ratings.from_table([one.tolist(), two.tolist()]))
    table = np.zeros((4, 4))
    np.add.at(table, (one, two), 1)
    assert pair.kappa == pytest.approx(cohens_kappa(table).kappa)
