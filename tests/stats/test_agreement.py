import math
from itertools import combinations, permutations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from trueup.errors import InputError
from trueup.stats._wilson import unvaried
from trueup.stats.ac1 import ac1_interval, gwet_ac1
from trueup.stats.agreement import (
    PatternCounts,
    Ratings,
    ValueCounts,
    bootstrap_interval,
    disagreement_by_group,
    krippendorff_alpha,
    pair_agreement,
    raw_agreement,
    raw_agreement_interval,
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

LEVELS = ["nominal", "ordinal", "interval", "ratio"]
patterns = st.lists(
    st.tuples(st.lists(st.integers(0, 3), min_size=3, max_size=3), st.integers(0, 5)),
    min_size=1,
    max_size=6,
)


def plain_alpha(units, delta):
    """Alpha as its definition reads: means over pairs of ratings, by loops."""
    units = [unit for unit in units if len(unit) >= 2]
    values = [value for unit in units for value in unit]
    expected = sum(delta(a, b) for a, b in permutations(values, 2)) / (len(values) - 1)
    observed = sum(
        sum(delta(a, b) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units
    )
    return 1 - observed / expected


def masi(a, b):
    shared = a & b
    if a == b:
        return 0
    monotonicity = 2 / 3 if shared in (a, b) else 1 / 3
    return 1 - len(shared) / len(a | b) * monotonicity


def kemeny(a, b):
    def order(ranks, i, j):
        return (ranks[i] > ranks[j]) - (ranks[i] < ranks[j])

    pairs = list(combinations(range(len(a)), 2))
    return sum(abs(order(a, i, j) - order(b, i, j)) for i, j in pairs) / (2 * len(pairs))


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
        ([[False, False], [False, False]], "every rating is no"),
        # the lone "b" is on a unit that nobody else saw, so that it tells nothing
        ([["a", "a", "b"], ["a", "a", None]], "every rating is 'a'"),
    ],
)
def test_alpha_says_why_it_is_undefined(table, reason):
    alpha = krippendorff_alpha(table)
    assert alpha.value is None
    assert reason in alpha.reason
    interval = bootstrap_interval(table)
    assert (interval.low, interval.high, interval.replicates) == (None, None, 0)


def test_a_missing_label_may_be_nan():
    with_nan = [[math.nan if v is None else v for v in row] for row in EXAMPLE_C]
    assert krippendorff_alpha(with_nan) == krippendorff_alpha(EXAMPLE_C)


def test_units_that_one_rater_saw_do_not_count():
    extra = [[*row, value] for row, value in zip(EXAMPLE_C, (4, None, None, None), strict=True)]
    assert krippendorff_alpha(extra) == krippendorff_alpha(EXAMPLE_C)


def test_too_many_distinct_values_are_an_error_and_not_an_exhausted_memory():
    row = list(range(1000))
    with pytest.raises(InputError, match=r"1000 distinct values.*into bins"):
        krippendorff_alpha([row, row], "ordinal")
    assert krippendorff_alpha([row, row], "interval").value == 1.0


@given(tables, st.sampled_from(LEVELS))
def test_alpha_equals_the_krippendorff_package(table, level):
    alpha = krippendorff_alpha(table, level)
    if alpha.value is None:
        return
    reference = krippendorff.alpha(
        reliability_data=np.array(table, dtype=np.float64), level_of_measurement=level
    )
    assert alpha.value == pytest.approx(reference)


SETS = [frozenset(s) for s in ("", "a", "b", "ab", "bc", "abc")]
RANKINGS = [(1, 2, 3), (1, 1, 2), (3, 2, 1), (1, 1, 1), (2, 1, 1)]


@pytest.mark.parametrize(
    ("level", "values", "delta"), [("set", SETS, masi), ("ranking", RANKINGS, kemeny)]
)
@given(data=st.data())
def test_alpha_of_sets_and_of_rankings_is_that_of_the_definition(level, values, delta, data):
    unit = st.lists(st.sampled_from([None, *values]), min_size=3, max_size=3)
    units = data.draw(st.lists(unit, min_size=1, max_size=6))
    alpha = krippendorff_alpha([list(row) for row in zip(*units, strict=True)], level)
    shown = [[value for value in unit if value is not None] for unit in units]
    if alpha.value is None:
        paired = {value for unit in shown if len(unit) > 1 for value in unit}
        assert len(paired) < 2
    else:
        assert alpha.value == pytest.approx(plain_alpha(shown, delta))


@given(tables)
def test_sets_of_one_label_and_rankings_of_two_answers_are_nominal(table):
    def shown(value):
        return None if value is None else (1, 2) if value == 1 else (2, 1)

    alone = [[None if v is None else frozenset([v]) for v in row] for row in table]
    halves = [[None if v is None else int(v == 1) for v in row] for row in table]
    ranked = [[shown(v) for v in row] for row in table]
    for there, here, level in [(table, alone, "set"), (halves, ranked, "ranking")]:
        nominal, found = krippendorff_alpha(there).value, krippendorff_alpha(here, level).value
        assert found == (None if nominal is None else pytest.approx(nominal))


def test_near_misses_of_sets_and_rankings_cost_less_than_nominal_ones():
    a, ab, c = frozenset("a"), frozenset("ab"), frozenset("c")
    sets = [[a, c, ab, c], [ab, c, ab, c]]
    assert krippendorff_alpha(sets).value < krippendorff_alpha(sets, "set").value < 1
    ranks = [[(1, 2, 3), (3, 2, 1), (1, 2, 3)], [(1, 3, 2), (3, 2, 1), (1, 2, 3)]]
    assert krippendorff_alpha(ranks).value < krippendorff_alpha(ranks, "ranking").value < 1
    for table, level in [(sets, "set"), (ranks, "ranking")]:
        interval = bootstrap_interval(table, level)
        assert interval.low < krippendorff_alpha(table, level).value <= interval.high


def test_sets_are_ordered_by_their_labels_whatever_order_they_come_in():
    rng = np.random.default_rng(0)
    for _ in range(20):
        triples = [(i, "r", SETS[j]) for i, j in enumerate(rng.permutation(len(SETS)))]
        assert Ratings.from_triples(triples).domain == tuple(sorted(SETS, key=sorted))


@given(patterns, st.sampled_from(LEVELS), st.sampled_from([3, 30]), st.randoms())
def test_a_pattern_table_gives_exactly_what_its_units_give(rows, level, width, random):
    """To the last bit: rows in any order, patterns split over several rows, or units and raters."""
    counts = np.zeros((len(rows), width), dtype=np.int64)
    counts[:, -3:] = [row for row, _ in rows]
    units = np.array([n for _, n in rows], dtype=np.int64)
    domain = tuple(range(1, width + 1))
    expanded = np.repeat(counts, units, axis=0)
    order = list(range(len(expanded)))
    random.shuffle(order)
    triples = [
        (unit, rater, value)
        for unit, row in enumerate(expanded[order].tolist())
        for rater, value in enumerate(v for v, n in zip(domain, row, strict=True) for _ in range(n))
    ]
    table = PatternCounts(counts, units, domain)
    for other in (
        ValueCounts(expanded[order], domain),
        PatternCounts(
            np.tile(counts, (2, 1)), np.concatenate([units // 2, units - units // 2]), domain
        ),
        Ratings.from_triples(triples, domain=domain),
    ):
        assert krippendorff_alpha(table, level) == krippendorff_alpha(other, level)
        assert raw_agreement(table) == raw_agreement(other)
        assert gwet_ac1(table) == gwet_ac1(other)
        for interval in (
            lambda x: bootstrap_interval(x, level, replicates=20),
            lambda x: raw_agreement_interval(x, replicates=20),
        ):
            assert interval(table) == interval(other)
        # units that nobody rated are no units of `Ratings`, and none of AC1's either
        assert ac1_interval(table, replicates=20) == ac1_interval(other, replicates=20)


@given(tables)
def test_ratings_with_more_values_than_raters_show_the_same_patterns(table):
    """Their patterns are found from lists of values, without the units x values counts."""
    few = Ratings.from_table(table)
    entries = zip(few.unit.tolist(), few.rater.tolist(), few.value.tolist(), strict=True)
    domain = [*few.domain, *range(30, 9, -1)]
    many = Ratings.from_triples(
        [(u, few.raters[r], few.domain[v]) for u, r, v in entries], domain=domain
    )
    found, of_unit = many.patterns
    counts = found.counts.toarray()
    assert np.array_equal(counts[of_unit], many.value_counts.counts)
    assert np.array_equal(np.bincount(of_unit, minlength=len(found.units)), found.units)
    assert len({tuple(row) for row in counts.tolist()}) == len(counts)
    alphas = [(r.rater, r.agreement, r.alpha_without) for r in reviewer_reliability(many)]
    assert alphas == [(r.rater, r.agreement, r.alpha_without) for r in reviewer_reliability(few)]


def test_levels_are_checked():
    with pytest.raises(InputError, match="'cardinal' is none of nominal"):
        krippendorff_alpha(EXAMPLE_C, "cardinal")
    with pytest.raises(InputError, match="needs numbers"):
        krippendorff_alpha([["a", "b"], ["a", "a"]], "interval")
    with pytest.raises(InputError, match="needs frozensets"):
        krippendorff_alpha([["a", "b"], ["a", "a"]], "set")
    with pytest.raises(InputError, match="needs tuples of ranks"):
        krippendorff_alpha([["a", "b"], ["a", "a"]], "ranking")
    with pytest.raises(InputError, match="rankings of 2, 3 answers"):
        krippendorff_alpha([[(1, 2), (1, 2, 3)], [(1, 2), (1, 2, 3)]], "ranking")


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
    with pytest.raises(InputError, match="do not fit 2 patterns"):
        PatternCounts(np.array([[1, 2], [2, 1]]), np.array([1]), ("a", "b"))
    with pytest.raises(InputError, match="unit counts are below zero"):
        PatternCounts(np.array([[1, 2]]), np.array([-1]), ("a", "b"))


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
        ends = unvaried(alpha.value, 5, floor=-1.0)
        assert (interval.low, interval.high) == pytest.approx(ends)


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


def test_units_drawn_one_by_one_are_as_spread_as_patterns_drawn_at_once(monkeypatch):
    wanted = bootstrap_interval(EXAMPLE_C, confidence=0.5, replicates=4000)
    monkeypatch.setattr("trueup.stats._bootstrap._MANY_PATTERNS", 0)
    interval = bootstrap_interval(EXAMPLE_C, confidence=0.5, replicates=4000)
    assert interval != wanted  # other draws, of the same kind
    assert (interval.low, interval.high) == pytest.approx((wanted.low, wanted.high), abs=0.02)


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
    assert (interval.low, interval.high) == unvaried(1.0, 4, floor=-1.0)


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


def test_the_interval_of_raw_agreement_is_the_normal_one_where_units_are_many():
    # 700 of 1000 units of two raters agree: 0.7 plus or minus 1.96 standard errors
    table = PatternCounts(np.array([[2, 0], [1, 1]]), np.array([700, 300]), ("a", "b"))
    interval = raw_agreement_interval(table, replicates=4000)
    half = 1.96 * math.sqrt(0.7 * 0.3 / 1000)
    assert (interval.low, interval.high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.003)
    assert raw_agreement_interval([["a"]]).low is None


def test_a_few_units_that_all_agree_do_not_claim_certainty():
    interval = raw_agreement_interval([["a", "a", "a"]] * 2)
    assert (interval.low, interval.high) == pytest.approx(proportion_confint(3, 3, method="wilson"))
    alone = raw_agreement_interval([["a"], ["b"], ["a"]])
    assert (alone.low, alone.high) == (0.0, 1.0)


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


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=12))
def test_each_rating_is_held_against_its_units_others(units):
    from trueup.stats.agreement import agrees_with_others

    entries = [(u, r, value) for u, given_ in enumerate(units) for r, value in enumerate(given_)]
    ratings = Ratings.from_triples(entries)
    decided, right = agrees_with_others(ratings)
    for place, (unit, rater, value) in enumerate(entries):
        others = [v for r, v in enumerate(units[unit]) if r != rater]
        most = sorted({others.count(v) for v in set(others)}, reverse=True)
        leaders = [v for v in set(others) if others.count(v) == most[0]] if others else []
        assert decided[place] == (len(leaders) == 1)
        assert right[place] == (leaders == [value])


@given(st.lists(st.lists(st.integers(0, 5), max_size=5), min_size=1, max_size=20))
def test_patterns_straight_from_the_ratings_are_those_of_the_counts(units):
    """A unit's pattern as one number gives the patterns of the table of counts, in their order."""
    entries = [(u, r, value) for u, given_ in enumerate(units) for r, value in enumerate(given_)]
    if not entries:
        return
    ratings = Ratings.from_triples(entries)
    table, of_unit = ratings.patterns
    counts = ratings.value_counts.counts
    distinct, inverse = np.unique(counts, axis=0, return_inverse=True)
    assert table.counts.toarray().tolist() == distinct.tolist()
    assert of_unit.tolist() == inverse.reshape(-1).tolist()
    assert table.units.tolist() == np.bincount(inverse.reshape(-1)).tolist()
