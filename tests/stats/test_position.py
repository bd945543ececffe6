import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.stats.intervals import rate_interval
from trueup.stats.position import position_bias

choices = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.booleans()), min_size=1, max_size=40
)


def columns(choices):
    return [list(column) for column in zip(*choices, strict=True)]


def test_sixty_of_a_hundred_unrelated_choices():
    from scipy.stats import t

    found = position_bias(["ann"] * 100, list(range(100)), [1] * 60 + [0] * 40)
    [ann] = found.raters
    assert (ann.rater, ann.n, ann.items, ann.share) == ("ann", 100, 100, 0.6)
    assert ann.p == ann.p_holm == pytest.approx(2 * t.sf(2.0, 99))
    quantile = t.ppf(0.975, 99)
    # Wilson's ends are where the score statistic is the quantile
    for end in (ann.low, ann.high):
        assert abs(0.6 - end) / np.sqrt(end * (1 - end) / 100) == pytest.approx(quantile)


@given(choices)
def test_the_interval_is_the_clustered_one_and_agrees_with_the_test(choices):
    raters, items, first = columns(choices)
    found = position_bias(raters, items, first)
    expected = rate_interval(np.array(first, dtype=float), items)
    overall = found.overall
    assert (overall.n, overall.items) == (expected.n, expected.clusters)
    assert (overall.share, overall.low, overall.high) == (
        expected.value,
        expected.low,
        expected.high,
    )
    for bias in (found.overall, *found.raters):
        if bias.p is None:
            assert bias.reason == "all choices are on one item"
            assert (bias.low, bias.high) == (0.0, 1.0)
        else:
            assert (bias.p < 0.05) == (not bias.low <= 0.5 <= bias.high)


@given(choices)
def test_showing_the_answers_the_other_way_round_mirrors_everything(choices):
    raters, items, first = columns(choices)
    here = position_bias(raters, items, first)
    there = position_bias(raters, items, [not hit for hit in first])
    mirrored = {bias.rater: bias for bias in (there.overall, *there.raters)}
    for bias in (here.overall, *here.raters):
        other = mirrored[bias.rater]
        assert (bias.share, bias.low, bias.high) == pytest.approx(
            (1 - other.share, 1 - other.high, 1 - other.low)
        )
        assert bias.p == (None if other.p is None else pytest.approx(other.p))


def test_choices_on_one_item_that_go_together_widen_the_interval():
    items = [i // 10 for i in range(400)]
    first = [(i // 10) % 5 < 3 for i in range(400)]  # ten alike on each item
    [ann] = position_bias(["ann"] * 400, items, first).raters
    [alone] = position_bias(["ann"] * 400, range(400), first).raters
    assert alone.p < 0.001 < ann.p
    assert ann.high - ann.low > 3 * (alone.high - alone.low) * 0.9


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 0.05), (0.65, 0.95)])
def test_random_order_is_rarely_flagged_and_a_bias_mostly(share, wanted):
    rng = np.random.default_rng(0)
    flagged = []
    for _ in range(400):
        items = rng.permutation(np.repeat(np.arange(60), 3))
        first = rng.random(180) < share
        flagged.append(position_bias(["ann"] * 180, items.tolist(), first).overall.p < 0.05)
    assert np.mean(flagged) == pytest.approx(wanted, abs=0.035)


def test_a_biased_rater_is_found_among_others():
    rng = np.random.default_rng(1)
    raters = [f"r{i}" for i in range(20) for _ in range(200)]
    first = rng.random(4000) < np.where(np.array(raters) == "r7", 0.7, 0.5)
    found = position_bias(raters, list(range(200)) * 20, first)
    assert found.raters[0].rater == "r7"
    assert found.raters[0].p_holm == pytest.approx(20 * found.raters[0].p)
    assert all(bias.p_holm > 0.05 for bias in found.raters[1:])
    assert found.overall.p_holm is None
    assert found.overall.share == pytest.approx(first.mean())


def test_what_cannot_be_measured():
    empty = position_bias([], [], [])
    assert (empty.overall, empty.raters) == (None, ())
    with pytest.raises(InputError, match="2 raters, 1 items, 2 choices"):
        position_bias(["a", "b"], [1], [True, False])


def test_names_in_an_array_give_what_names_in_a_list_give():
    rng = np.random.default_rng(3)
    who, items = rng.integers(0, 4, 300), rng.integers(0, 90, 300)
    hits = rng.random(300) < 0.6
    assert position_bias(who, items, hits) == position_bias(who.tolist(), items.tolist(), hits)
