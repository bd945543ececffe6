import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.stats.agreement import (
    Ratings,
    ValueCounts,
    bootstrap_interval,
    disagreement_by_group,
    krippendorff_alpha,
    pair_agreement,
    raw_agreement,
    reviewer_reliability,
)

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, example C: 4 observers, 12 units
EXAMPLE_C = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# 3 coders, 15 units: the worked example of the Wikipedia article "Krippendorff's alpha"
THREE_CODERS = [
    [None, None, None, None, None, 3, 4, 1, 2, 1, 1, 3, 3, None, 3],
    [1, None, 2, 1, 3, 3, 4, 3, None, None, None, None, None, None, None],
    [None, None, 2, 1, 3, 4, 4, None, 2, 1, 1, 3, 3, None, 4],
]

tables = st.integers(2, 4).flatmap(
    lambda raters: st.lists(
        st.lists(st.sampled_from([None, 1, 2, 3]), min_size=raters, max_size=raters),
        min_size=1,
        max_size=8,
    ).map(lambda units: [list(row) for row in zip(*units, strict=True)])
)


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_alpha_equals_krippendorffs_example_c(level, published):
    alpha = krippendorff_alpha(EXAMPLE_C, level)
    assert alpha.value == pytest.approx(published, abs=5e-4)
    assert (alpha.reason, alpha.units, alpha.pairable, alpha.level) == ("", 11, 40, level)


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.691), ("interval", 0.811)])
def test_alpha_equals_the_three_coders_example(level, published):
    assert krippendorff_alpha(THREE_CODERS, level).value == pytest.approx(published, abs=5e-4)


def test_alpha_of_two_raters_who_never_agree_is_below_chance():
    # observed 1, expected 2/3 by hand
    assert krippendorff_alpha([["YES", "YES"], ["NO", "NO"]]).value == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([], "no ratings"),
        ([[None, None], [None, None]], "no ratings"),
        ([["a", "b", "a"]], "no unit has two ratings"),
        ([["a", None], [None, "b"]], "no unit has two ratings"),
        ([["a", "a"], ["a", "a"]], "every rating is 'a'"),
        # the lone "b" is on a unit that nobody else saw, so that it tells nothing
        ([["a", "a", "b"], ["a", "a", None]], "every rating is 'a'"),
    ],
)
def test_alpha_says_why_it_is_undefined(table, reason):
    alpha = krippendorff_alpha(table)
    assert alpha.value is None
    assert reason in alpha.reason
    interval = bootstrap_interval(table)
    assert (interval.low, interval.high) == (None, None)


def test_a_missing_label_may_be_nan():
    with_nan = [[math.nan if v is None else v for v in row] for row in EXAMPLE_C]
    assert krippendorff_alpha(with_nan) == krippendorff_alpha(EXAMPLE_C)


def test_units_that_one_rater_saw_do_not_count():
    extra = [[*row, value] for row, value in zip(EXAMPLE_C, (4, None, None, None), strict=True)]
    assert krippendorff_alpha(extra) == krippendorff_alpha(EXAMPLE_C)


def test_too_many_distinct_values_are_an_error_and_not_an_exhausted_memory():
    row = list(range(1000))
    with pytest.raises(InputError, match=r"1000 distinct values.*into bins"):
        krippendorff_alpha([row, row], "interval")


def test_levels_are_checked():
    with pytest.raises(InputError, match="'cardinal' is none of nominal"):
        krippendorff_alpha(EXAMPLE_C, "cardinal")
    with pytest.raises(InputError, match="needs numbers"):
        krippendorff_alpha([["a", "b"], ["a", "a"]], "interval")


def test_ragged_tables_doubled_ratings_and_odd_counts_are_errors():
    with pytest.raises(InputError, match="several lengths"):
        krippendorff_alpha([["a", "b"], ["a"]])
    with pytest.raises(InputError, match="1 ratings repeat a rater"):
        Ratings.from_triples([("u", "r", 1), ("u", "r", 2)])
    with pytest.raises(InputError, match="'c' is none of"):
        Ratings.from_triples([("u", "r", "c")], domain=["a", "b"])
    with pytest.raises(InputError, match="do not fit 3 values"):
        ValueCounts(np.zeros((2, 2), dtype=np.int64), ("a", "b", "c"))
    with pytest.raises(InputError, match="below zero"):
        ValueCounts(np.array([[-1, 2]]), ("a", "b"))


@given(tables, st.randoms())
def test_alpha_ignores_the_order_of_raters_and_units(table, random):
    raters = list(table)
    random.shuffle(raters)
    units = [list(unit) for unit in zip(*raters, strict=True)]
    random.shuffle(units)
    shuffled = [list(row) for row in zip(*units, strict=True)]
    a, b = krippendorff_alpha(table), krippendorff_alpha(shuffled)
    assert (a.units, a.pairable, a.value is None) == (b.units, b.pairable, b.value is None)
    if a.value is not None:
        assert a.value == pytest.approx(b.value)


@given(tables, st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_a_bootstrap_of_copies_of_one_table_is_its_alpha(table, level):
    """With every unit showing the same counts each resample is the table itself."""
    units = [unit for unit in zip(*table, strict=True) if sum(v is not None for v in unit) >= 2]
    if not units:
        return
    copies = [list(row) for row in zip(*([units[0]] * 5), strict=True)]
    alpha = krippendorff_alpha(copies, level)
    interval = bootstrap_interval(copies, level, replicates=20)
    if alpha.value is None:
        assert interval.low is None
    else:
        assert (interval.low, interval.high) == pytest.approx((alpha.value, alpha.value))


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_bootstrap_resamples_whole_units(level):
    """Held against a plain loop over resampled units, in distribution."""
    rng = np.random.default_rng(1)
    columns = [list(unit) for unit in zip(*EXAMPLE_C, strict=True)]
    columns = [unit for unit in columns if sum(v is not None for v in unit) >= 2]
    plain = []
    for _ in range(400):
        drawn = [columns[i] for i in rng.integers(0, len(columns), len(columns))]
        table = [list(row) for row in zip(*drawn, strict=True)]
        plain.append(krippendorff_alpha(table, level).value)
    interval = bootstrap_interval(EXAMPLE_C, level, confidence=0.5, replicates=4000)
    low, high = np.quantile([value for value in plain if value is not None], [0.25, 0.75])
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.03)


def test_bootstrap_is_seeded_and_covers_alpha():
    first, again = bootstrap_interval(EXAMPLE_C, seed=3), bootstrap_interval(EXAMPLE_C, seed=3)
    assert first == again
    assert first != bootstrap_interval(EXAMPLE_C, seed=4)
    assert first.low < krippendorff_alpha(EXAMPLE_C).value < first.high
    assert first.replicates == 1000


def test_resamples_without_variation_are_counted_and_left_out():
    table = [["a", "a", "a", "b"], ["a", "a", "a", "b"]]
    interval = bootstrap_interval(table, replicates=1000, seed=0)
    # all four draws miss the one unit with "b" about (3/4)^4 of the time, or all hit it
    assert interval.degenerate == pytest.approx(1000 * (0.75**4 + 0.25**4), abs=60)
    assert (interval.low, interval.high) == (1.0, 1.0)


def test_a_million_ratings_fit():
    counts = np.random.default_rng(0).multinomial(3, [0.6, 0.2, 0.1, 0.1], size=333_333)
    table = ValueCounts(counts, ("served", "sampled", "tie", "neither"))
    interval = bootstrap_interval(table)
    assert interval.low < krippendorff_alpha(table).value < interval.high
    assert interval.high - interval.low < 0.01


@given(st.lists(st.sampled_from("abc"), max_size=6))
def test_pair_agreement_counts_pairs(values):
    pairs = list(combinations(values, 2))
    expected = sum(x == y for x, y in pairs) / len(pairs) if pairs else None
    assert pair_agreement(values) == (None if expected is None else pytest.approx(expected))


def test_raw_agreement_pools_the_pairs_of_all_units():
    # unit 1: 3 pairs, 1 agrees; unit 2: 1 pair, agrees; unit 3: one rater, no pair
    assert raw_agreement([["a", "b", "a"], ["a", "b", None], ["b", None, None]]) == 0.5
    assert raw_agreement([["a"]]) is None


def test_reliability_holds_each_rater_against_the_majority_of_the_others():
    table = [
        ["a", "b", "a", "b", "a"],
        ["a", "b", "a", "b", "a"],
        ["a", "b", "a", "b", None],
        ["b", "b", "b", "a", "a"],
    ]
    found = reviewer_reliability(Ratings.from_table(table, raters=["ann", "bob", "cy", "dan"]))
    assert [r.rater for r in found] == ["dan", "ann", "bob", "cy"]
    dan, ann = found[0], found[1]
    assert (dan.rated, dan.n, dan.agreement) == (5, 5, 0.4)
    assert dan.low < 0.4 < dan.high
    assert (ann.n, ann.agreement) == (5, 1.0)
    assert dan.alpha_without == pytest.approx(1.0)
    assert ann.alpha_without == pytest.approx(krippendorff_alpha(table[1:]).value)


def test_a_rater_whose_others_are_split_or_absent_has_no_reliability():
    found = reviewer_reliability(Ratings.from_table([["a", "a"], ["b", None], ["c", None]]))
    assert [(r.n, r.agreement, r.low, r.high) for r in found] == [(0, None, None, None)] * 3


@given(tables)
def test_alpha_without_a_rater_is_the_alpha_of_the_others(table):
    ratings = Ratings.from_table(table)
    for found in reviewer_reliability(ratings):
        others = [row for i, row in enumerate(table) if str(i) != found.rater]
        alpha = krippendorff_alpha(others).value
        assert found.alpha_without == (None if alpha is None else pytest.approx(alpha))


def test_disagreement_by_group_is_the_share_of_disagreeing_pairs():
    ratings = Ratings.from_table([["a", "b", "a"], ["a", "a", None], ["b", "a", None]])
    found = disagreement_by_group(ratings, ["x", "y", "z"])
    assert [(g.group, g.units, g.pairs, g.share) for g in found] == [
        ("x", 1, 3, pytest.approx(2 / 3)),
        ("y", 1, 3, pytest.approx(2 / 3)),
        ("z", 0, 0, None),
    ]
    with pytest.raises(InputError, match="2 groups for 3 units"):
        disagreement_by_group(ratings, ["x", "y"])
