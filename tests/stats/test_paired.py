from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from trueup.stats.intervals import measure_spread
from trueup.stats.paired import (
    PairedDifference,
    clusters_to_show,
    holm,
    minimum_detectable_effect,
    paired_difference,
    sign_flip_test,
)

scores = st.sampled_from([0.0, 0.25, 0.5, 1.0])
binary = st.sampled_from([0.0, 1.0])


def items(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[tuple[float, float, int]]]:
    return st.lists(st.tuples(values, values, st.integers(0, 6)), min_size=1, max_size=60)


@given(st.one_of(items(scores), items(binary)))
def test_swapping_the_models_mirrors_everything(drawn: list[tuple[float, float, int]]) -> None:
    first, second, clusters = zip(*drawn, strict=True)
    there = paired_difference(first, second, clusters)
    back = paired_difference(second, first, clusters)
    assert back.delta == pytest.approx(-there.delta, abs=1e-12)
    assert (back.low, back.high) == (
        pytest.approx(-there.high, abs=1e-6),
        pytest.approx(-there.low, abs=1e-6),
    )
    assert (back.p, back.mde) == (pytest.approx(there.p), pytest.approx(there.mde))
    assert (back.gains, back.losses) == (there.losses, there.gains)


@given(st.one_of(items(scores), items(binary)))
def test_the_interval_holds_the_point_and_has_width(drawn: list[tuple[float, float, int]]) -> None:
    first, second, clusters = zip(*drawn, strict=True)
    found = paired_difference(first, second, clusters)
    assert found.low <= found.delta + 1e-12
    assert found.delta - 1e-12 <= found.high
    assert found.high - found.low > 1e-3
    assert 0 <= found.p <= 1
    assert 0 < found.mde <= 1


@given(items(binary))
def test_the_p_value_agrees_with_the_interval(drawn: list[tuple[float, float, int]]) -> None:
    first, second, clusters = zip(*drawn, strict=True)
    found = paired_difference(first, second, clusters)
    if abs(found.p - 0.05) > 1e-3:
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_no_item_differs_and_still_no_certainty() -> None:
    found = paired_difference([1.0] * 60, [1.0] * 60, [i // 6 for i in range(60)])
    assert (found.delta, found.p, found.gains, found.losses) == (0, 1, 0, 0)
    assert -0.12 < found.low < -0.05
    assert found.high == pytest.approx(-found.low, rel=1e-6)


def test_one_family_alone_decides_nothing() -> None:
    found = paired_difference([0.0] * 20, [1.0] * 20, ["only"] * 20)
    assert (found.low, found.high, found.p, found.mde) == (-1, 1, 1, 1)


def test_lengths_must_pair_up() -> None:
    with pytest.raises(ValueError, match="pair up"):
        paired_difference([1.0], [1.0, 0.0], ["a", "b"])


def simulate(rng: np.random.Generator, groups: int, size: int) -> tuple[list[float], ...]:
    """Both models right with a rate that the family shares; the candidate gains 0.1."""
    family = rng.beta(3, 3, groups)
    base = np.repeat(family * 0.9, size)
    first = (rng.random(groups * size) < base).astype(float)
    second = (rng.random(groups * size) < base + 0.1).astype(float)
    return first.tolist(), second.tolist(), np.repeat(range(groups), size).tolist()


@pytest.mark.parametrize(("groups", "size"), [(8, 8), (20, 3), (6, 10)])
def test_coverage_is_near_nominal(groups: int, size: int) -> None:
    rng = np.random.default_rng(7)
    trials = 150
    covered = 0
    for _ in range(trials):
        first, second, clusters = simulate(rng, groups, size)
        found = paired_difference(first, second, clusters)
        covered += found.low <= 0.1 <= found.high
    assert covered / trials >= 0.92


def test_coverage_where_the_gain_itself_differs_between_families() -> None:
    rng = np.random.default_rng(11)
    trials, covered = 150, 0
    for _ in range(trials):
        gain = np.repeat(rng.uniform(-0.3, 0.5, 12), 6)
        first = (rng.random(72) < 0.4).astype(float)
        second = (rng.random(72) < 0.4 + gain).astype(float)
        found = paired_difference(first, second, np.repeat(range(12), 6).tolist())
        covered += found.low <= 0.1 <= found.high
    assert covered / trials >= 0.92


def test_the_mde_is_shown_about_four_times_in_five() -> None:
    rng = np.random.default_rng(3)
    n, share = 120, 0.2
    start = paired_difference(
        [0.0] * 12 + [1.0] * 12 + [0.0] * 96, [1.0] * 12 + [0.0] * 12 + [0.0] * 96, range(n)
    )
    shown = 0
    for _ in range(300):
        draw = rng.random(n)
        gains, losses = draw < (share + start.mde) / 2, draw > 1 - (share - start.mde) / 2
        found = paired_difference(losses.astype(float), gains.astype(float), range(n))
        shown += found.low > 0
    assert 0.7 < shown / 300 < 0.92


def test_more_items_show_smaller_effects() -> None:
    sizes = []
    for n in (20, 80, 320):
        spread = measure_spread([1.0, -1.0, 0.0, 0.0] * (n // 4), range(n))
        sizes.append(minimum_detectable_effect(spread, sd=0.7))
    assert sizes == sorted(sizes, reverse=True)


def test_clusters_to_show_is_about_right() -> None:
    first = [0.0, 1.0] * 10 + [0.0] * 40
    second = [1.0, 0.0] * 10 + [0.0] * 40
    found = paired_difference(first, second, range(60))
    needed = clusters_to_show(found, found.delta + 0.1)
    assert needed is not None
    assert needed > 60
    times = round(needed / 60)
    more = paired_difference(first * times, second * times, range(60 * times))
    assert more.low > -0.1


def test_more_of_the_same_clusters_does_not_settle_what_more_clusters_do() -> None:
    first, second = [1.0] * 12 + [0.0] * 48, [0.0] * 12 + [0.0] * 48
    families = [i // 6 for i in range(60)]
    found = paired_difference(second, first, families)
    assert found.low < -0.1, "two families of ten gained all of it"
    needed = clusters_to_show(found, found.delta + 0.1)
    assert needed is not None
    again = paired_difference(second * 10, first * 10, families * 10)
    assert again.low == pytest.approx(found.low, abs=0.01)
    times = -(-needed // 10)
    wider = [f"{i}/{family}" for i in range(times) for family in families]
    assert paired_difference(second * times, first * times, wider).low > -0.1


def test_clusters_to_show_knows_when_none_would_do() -> None:
    found = paired_difference([1.0] * 10 + [0.0] * 50, [0.0] * 60, range(60))
    assert isinstance(found, PairedDifference)
    assert clusters_to_show(found, found.delta + 0.1) is None


def test_sign_flips_exact_and_drawn_agree() -> None:
    differences = [1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0]
    exact = sign_flip_test(differences, range(10))
    assert exact == pytest.approx(112 / 1024)
    doubled = sign_flip_test(differences * 2, range(20), seed=1)
    assert doubled == pytest.approx(binomtest(16, 20).pvalue, abs=0.005)
    assert doubled == sign_flip_test(differences * 2, range(20), seed=1)


def test_flipping_whole_clusters_is_stricter_than_flipping_items() -> None:
    differences = [1.0] * 10
    assert sign_flip_test(differences, [0] * 5 + [1] * 5) == 0.5
    assert sign_flip_test(differences, range(10)) < 0.01


@pytest.fixture(scope="module")
def no_old_garbage() -> Iterator[None]:
    """statsmodels collects garbage at every call, which takes long with torch loaded."""
    gc.freeze()
    yield
    gc.unfreeze()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@pytest.mark.usefixtures("no_old_garbage")
def test_holm_equals_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(
        list(multipletests(p_values, method="holm")[1]), abs=1e-12
    )


def test_holm_of_none_is_none() -> None:
    assert holm([]) == []
