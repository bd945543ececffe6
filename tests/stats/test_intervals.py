from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from trueup.stats.intervals import (
    ASSUMED_ICC,
    estimate,
    mean_interval,
    measure_spread,
    rate_interval,
    tango_interval,
)


@pytest.mark.parametrize(("n", "gains", "losses"), [(44, 0, 1), (60, 9, 3), (75, 2, 20)])
def test_tango_ends_are_where_the_score_statistic_is_z(n: int, gains: int, losses: int) -> None:
    z = 1.96
    for end, sign in zip(tango_interval(n, gains, losses, z), (1, -1), strict=True):
        # the loss probability of highest likelihood, given that the difference is `end`
        def surprise(loss: float, end: float = end) -> float:
            cells = (loss + end, loss, 1 - 2 * loss - end)
            counts = (gains, losses, n - gains - losses)
            return -sum(c * math.log(max(p, 1e-300)) for p, c in zip(cells, counts, strict=True))

        bounds = (max(0.0, -end), (1 - end) / 2)
        loss = optimize.minimize_scalar(surprise, bounds=bounds, options={"xatol": 1e-12}).x
        statistic = (gains - losses - n * end) / math.sqrt(n * (2 * loss + end - end**2))
        assert statistic == pytest.approx(sign * z, abs=1e-3)


def test_tango_of_no_discordant_pair_is_wilsons_bound_on_them() -> None:
    z = 1.959964
    low, high = tango_interval(60, 0, 0, z)
    assert high == pytest.approx(z**2 / (60 + z**2), rel=1e-6)
    assert low == pytest.approx(-high, rel=1e-6)


def test_wilson_without_clusters_equals_the_textbook() -> None:
    hits = [1] * 15 + [0] * 45
    estimate = rate_interval(hits, [0, 1] * 30)
    assert estimate.value == 0.25
    assert 0 < estimate.low < 0.25 < estimate.high < 1
    apart = rate_interval(hits, range(60))
    # Wilson's formula at t(59) = 2.001
    assert (apart.low, apart.high) == (
        pytest.approx(0.1562, abs=1e-4),
        pytest.approx(0.3751, abs=1e-4),
    )


def test_nothing_seen_is_not_certainty() -> None:
    estimate = rate_interval([0] * 30, range(30))
    assert estimate.low == 0
    assert 0.09 < estimate.high < 0.15


def test_one_cluster_says_nothing_about_others() -> None:
    estimate = rate_interval([1, 1, 0, 1], ["a"] * 4)
    assert (estimate.low, estimate.high) == (0, 1)
    assert mean_interval(measure_spread([0.1, 0.2], ["a", "a"]), span=1) == (-1, 1)


def test_copies_of_an_item_do_not_count_as_items() -> None:
    hits = [1, 0, 0, 1, 0, 1, 1, 0]
    once = measure_spread(hits, range(8))
    copied = measure_spread(np.repeat(hits, 5), np.repeat(range(8), 5).tolist())
    assert copied.design_effect == pytest.approx(5, rel=0.15)
    assert copied.effective_n == pytest.approx(once.effective_n, rel=0.15)


def test_equal_values_take_the_assumed_correlation() -> None:
    spread = measure_spread([1.0] * 20, [i // 5 for i in range(20)])
    assert spread.design_effect == pytest.approx(1 + 4 * ASSUMED_ICC)
    assert not spread.measured


@pytest.mark.parametrize(
    ("values", "clusters", "said"),
    [([], [], "non-empty"), ([1.0], [], "clusters"), ([float("nan")], ["a"], "finite")],
)
def test_refuses_what_it_cannot_use(values: list[float], clusters: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measure_spread(values, clusters)


@given(st.integers(1, 200), st.data())
def test_tango_contains_the_point_and_mirrors(n: int, data: st.DataObject) -> None:
    gains = data.draw(st.integers(0, n))
    losses = data.draw(st.integers(0, n - gains))
    low, high = tango_interval(n, gains, losses, 1.96)
    assert -1 <= low <= (gains - losses) / n <= high <= 1
    assert high - low > 0
    mirrored = tango_interval(n, losses, gains, 1.96)
    assert mirrored == (pytest.approx(-high, abs=1e-6), pytest.approx(-low, abs=1e-6))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=80))
def test_rate_interval_contains_the_rate(items: list[tuple[bool, int]]) -> None:
    estimate = rate_interval([float(hit) for hit, _ in items], [c for _, c in items])
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.high > estimate.low


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8)), min_size=1, max_size=60))
def test_estimates_stay_in_their_range_and_hold_the_mean(items: list[tuple[float, int]]) -> None:
    found = estimate([value for value, _ in items], [c for _, c in items])
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    assert found.high - found.low > 1e-3


def test_an_estimate_of_zeros_and_ones_is_a_rate() -> None:
    hits, clusters = [1.0, 0.0, 1.0, 1.0], [0, 0, 1, 2]
    assert estimate(hits, clusters) == rate_interval(hits, clusters)
