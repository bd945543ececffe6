import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.stats.drift import rater_drift

rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 8), st.integers(0, 8)).map(
        lambda row: ("ann", row[0], min(row[1:]), max(row[1:]))
    ),
    min_size=1,
    max_size=8,
)


def simulate(rng, rates, n=20):
    return [(week, int(rng.binomial(n, rate)), n) for week, rate in enumerate(rates)]


def test_the_trend_equals_agrestis_alcohol_and_malformation_example():
    # Agresti, Categorical Data Analysis: the linear trend test of malformed infants on the mother's
    # drinks a day, scored by midpoints; he reports a statistic of 6.57 and p = 0.010
    malformed, absent = (48, 38, 5, 1, 1), (17066, 14464, 788, 126, 37)
    counts = [
        ("all", score, ill, ill + well)
        for score, ill, well in zip((0, 0.5, 1.5, 4, 7), malformed, absent, strict=True)
    ]
    [drift] = rater_drift(counts)
    assert drift.p == pytest.approx(0.0104, abs=1e-4)
    assert drift.change > 0


@given(rows)
def test_the_statistic_is_the_correlation_of_label_and_period(rows):
    """The score test of a logistic slope: z squared is n times the squared correlation."""
    from scipy.stats import chi2

    [drift] = rater_drift(rows)
    times = np.array([t for _, t, _, n in rows for _ in range(n)], dtype=float)
    hits = np.array([i < agreed for _, _, agreed, n in rows for i in range(n)], dtype=float)
    if drift.p is None:
        assert len(set(times)) < 2 or len(set(hits)) < 2
        return
    correlation = np.corrcoef(times, hits)[0, 1]
    assert drift.p == pytest.approx(chi2.sf(len(hits) * correlation**2, 1), abs=1e-9)
    assert drift.change == pytest.approx(np.polyfit(times, hits, 1)[0], abs=1e-9)


@given(rows)
def test_disagreement_mirrors_agreement(rows):
    [drift] = rater_drift(rows)
    [mirror] = rater_drift([(rater, t, n - agreed, n) for rater, t, agreed, n in rows])
    assert (mirror.p is None) == (drift.p is None)
    if drift.p is not None:
        assert mirror.p == pytest.approx(drift.p)
        assert mirror.change == pytest.approx(-drift.change, abs=1e-12)
    for here, there in zip(drift.periods, mirror.periods, strict=True):
        assert (here.low, here.high) == pytest.approx((1 - there.high, 1 - there.low))


@given(rows)
def test_periods_have_wilsons_interval(rows):
    from scipy.stats import binomtest

    [drift] = rater_drift(rows)
    assert sum(p.n for p in drift.periods) == sum(n for *_, n in rows)
    assert [p.period for p in drift.periods] == sorted({t for _, t, _, n in rows if n})
    for period in drift.periods:
        interval = binomtest(period.agreed, period.n).proportion_ci(method="wilson")
        assert (period.low, period.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
        assert period.rate == period.agreed / period.n


def test_raters_who_stay_the_same_are_rarely_flagged():
    rng = np.random.default_rng(0)
    steady = [(r, *row) for r in range(2000) for row in simulate(rng, [0.85] * 8)]
    p = np.array([drift.p for drift in rater_drift(steady)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.012)
    assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.04)


def test_holm_keeps_the_chance_of_any_false_flag():
    rng = np.random.default_rng(1)
    flagged = []
    for _ in range(200):
        counts = [(r, *row) for r in range(20) for row in simulate(rng, [0.85] * 8)]
        flagged.append(any(drift.p_holm < 0.05 for drift in rater_drift(counts)))
    assert np.mean(flagged) < 0.1


def test_a_rater_who_tires_is_found_among_steady_ones():
    rng = np.random.default_rng(2)
    counts = [(f"r{r}", *row) for r in range(20) for row in simulate(rng, [0.85] * 8, n=40)]
    counts += [("tired", *row) for row in simulate(rng, np.linspace(0.95, 0.6, 8), n=40)]
    first, *others = rater_drift(counts)
    assert (first.rater, first.reason) == ("tired", "")
    assert first.p_holm < 0.001
    assert first.change == pytest.approx(-0.05, abs=0.02)
    assert all(drift.p_holm > 0.05 for drift in others)
    # of 21 raters the smallest p counts 21 times
    assert first.p_holm == pytest.approx(21 * first.p)


def test_a_rater_without_a_trend_to_test_says_why_and_costs_the_others_nothing():
    counts = [("one", 1, 3, 5), ("idle", 1, 0, 0), ("ann", 1, 5, 5), ("ann", 2, 0, 5)]
    counts += [("sure", week, 5, 5) for week in (1, 2)]
    counts += [("never", week, 0, 5) for week in (1, 2)]
    found = {drift.rater: drift for drift in rater_drift(counts)}
    reasons = {name: drift.reason for name, drift in found.items()}
    assert "1 periods" in reasons["one"]
    assert "0 periods" in reasons["idle"]
    assert reasons["sure"] == "every label agrees"
    assert reasons["never"] == "no label agrees"
    assert all(found[name].p_holm is None for name in ("one", "sure", "never", "idle"))
    assert found["ann"].p_holm == found["ann"].p == pytest.approx(0.00157, abs=1e-5)  # z = sqrt 10


def test_entries_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="rater 'ann', period 3: 6 agreed of 5"):
        rater_drift([("ann", 3, 6, 5)])
    with pytest.raises(InputError, match="finite period"):
        rater_drift([("ann", float("nan"), 1, 5)])
    assert rater_drift([]) == []
