from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.stats._wilson import unvaried
from trueup.stats.ac1 import ac1_interval, gwet_ac1
from trueup.stats.agreement import PatternCounts, Ratings, ValueCounts, krippendorff_alpha

# four raters, twelve subjects, one of which a single rater saw: the data `cac.raw4raters` of Gwet's
# own package irrCAC, whose vignette prints the coefficient with its parts and its standard error
GWET = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
units = st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=8)


def as_ratings(units):
    triples = [(u, r, value) for u, unit in enumerate(units) for r, value in enumerate(unit)]
    return Ratings.from_triples(triples, domain="abc")


def plain_ac1(units, domain="abc"):
    """Gwet 2008 by loops over pairs."""
    units = [unit for unit in units if unit]
    paired = [list(permutations(unit, 2)) for unit in units if len(unit) > 1]
    observed = sum(sum(a == b for a, b in pairs) / len(pairs) for pairs in paired) / len(paired)
    common = [sum(unit.count(v) / len(unit) for unit in units) / len(units) for v in domain]
    expected = sum(p * (1 - p) for p in common) / (len(domain) - 1)
    return (observed - expected) / (1 - expected)


def test_ac1_equals_gwets_own_package():
    found = gwet_ac1(GWET)
    assert found.value == pytest.approx(0.77544, abs=5e-6)
    assert found.observed == pytest.approx(0.8181818, abs=5e-8)
    assert found.expected == pytest.approx(0.1903212, abs=5e-8)
    assert (found.units, found.ratings, found.reason) == (11, 41, "")


def test_the_interval_is_as_wide_as_gwets_where_units_are_many():
    once = Ratings.from_table([row[:11] for row in GWET]).value_counts
    table = PatternCounts(once.counts, np.full(11, 100), once.domain)
    found, raters = gwet_ac1(table), once.counts.sum(axis=1)
    agree = (once.counts * (once.counts - 1)).sum(axis=1) / (raters * (raters - 1))
    shares = once.counts / raters[:, None]
    # Gwet 2008, the linearised variance: each unit's agreement less its pull on the chance term
    chance = shares @ (1 - shares.mean(axis=0)) / 4
    own = (agree - found.expected) / (1 - found.expected)
    own -= 2 * (1 - found.value) * (chance - found.expected) / (1 - found.expected)
    error = np.sqrt(np.square(own - found.value).sum() * 100 / (1100 * 1099))
    interval = ac1_interval(table, replicates=4000)
    assert (interval.high - interval.low) / (2 * 1.96) == pytest.approx(error, rel=0.05)


def test_ac1_stays_high_where_alpha_collapses():
    # Feinstein and Cicchetti's paradox: 118 yes/yes, 5 yes/no, 2 no/yes; Gwet 2008 reports 0.94
    table = PatternCounts(np.array([[2, 0], [1, 1]]), np.array([118, 7]), ("yes", "no"))
    assert gwet_ac1(table).value == pytest.approx(0.941, abs=5e-4)
    assert krippendorff_alpha(table).value < 0


@given(units)
def test_ac1_is_that_of_the_definition(units):
    found = gwet_ac1(as_ratings(units))
    if any(len(unit) > 1 for unit in units):
        assert found.value == pytest.approx(plain_ac1(units))
    else:
        assert found.value is None


@given(units, st.permutations("abc"), st.randoms())
def test_names_of_values_and_order_of_units_do_not_matter(units, names, random):
    renamed = [[dict(zip("abc", names, strict=True))[v] for v in unit] for unit in units]
    random.shuffle(renamed)
    first, second = gwet_ac1(as_ratings(units)).value, gwet_ac1(as_ratings(renamed)).value
    assert first == (None if second is None else pytest.approx(second))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=8))
def test_perfect_agreement_is_one_whatever_the_values(values):
    ratings = as_ratings([[value] * 3 for value in values])
    assert gwet_ac1(ratings).value == pytest.approx(1)
    interval = ac1_interval(ratings, replicates=20)
    assert (interval.low, interval.high) == pytest.approx(unvaried(1, len(values), floor=-1.0))


def test_the_bootstrap_draws_all_units_with_replacement():
    units = [[v for v in unit if v is not None] for unit in zip(*GWET, strict=True)]
    rng = np.random.default_rng(1)
    drawn = [[units[i] for i in rng.integers(0, len(units), len(units))] for _ in range(2000)]
    plain = [plain_ac1(sample, (1, 2, 3, 4, 5)) for sample in drawn]
    interval = ac1_interval(GWET, replicates=4000, confidence=0.5)
    assert (interval.low, interval.high) == pytest.approx(
        np.quantile(plain, [0.25, 0.75]).tolist(), abs=0.015
    )


def test_values_that_could_be_chosen_count():
    counts = np.array([[2, 0], [1, 1]])
    two = gwet_ac1(ValueCounts(counts, ("a", "b")))
    three = gwet_ac1(ValueCounts(np.column_stack([counts, [0, 0]]), ("a", "b", "c")))
    assert three.expected == pytest.approx(two.expected / 2)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([], "no ratings"),
        ([["a", None], [None, "b"]], "no unit has two ratings"),
        ([["a", "a"], ["a", "a"]], "the domain is 'a' alone"),
    ],
)
def test_ac1_says_why_it_is_undefined(table, reason):
    found = gwet_ac1(table)
    assert (found.value, found.observed, found.expected) == (None, None, None)
    assert reason in found.reason
    assert ac1_interval(table).low is None


def test_resamples_of_lone_ratings_are_degenerate():
    # nine units of one rater, one of two: (9/10)^10 of the resamples miss it
    table = PatternCounts(np.array([[1, 0], [1, 1]]), np.array([9, 1]), ("a", "b"))
    assert ac1_interval(table).degenerate == pytest.approx(1000 * 0.9**10, abs=60)
