import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.evals.probes.base import ask, change, corrected, draw, rate


def test_a_rate_counts_what_is_scored_by_cluster():
    found = rate("all", "hit", [(True, "a"), (False, "a"), (True, "b"), (None, "c")])
    assert (found.estimate.n, found.estimate.clusters, found.unscored) == (3, 2, 1)
    assert found.estimate.value == pytest.approx(2 / 3)
    assert rate("all", "hit", [(None, "a")]).estimate is None


def test_a_change_stays_in_its_range():
    found = change("all", "regard", [(0.0, 1.0, "a"), (1.0, -1.0, "b")], unit="difference", span=2)
    assert (found.difference.low, found.difference.high) == (-2, 2)
    few = change("all", "share", [(0.0, 1.0, "a"), (0.5, None, "b")])
    assert (few.difference.n, few.unscored) == (1, 1)


def test_several_changes_are_corrected_together():
    same = [(0.0, 0.0, n) for n in range(30)]
    worse = [(0.0, 1.0, n) for n in range(30)]
    none = change("x", "c", [])
    one, other, empty = corrected([change("x", "a", worse), change("x", "b", same), none])
    assert one.difference.p < one.p_holm == pytest.approx(2 * one.difference.p)
    assert (other.p_holm, empty.p_holm) == (1.0, None)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.integers(1, 40), st.integers())
def test_a_draw_goes_round_the_cohorts(cohorts, limit, seed):
    units = list(enumerate(cohorts))
    drawn = draw(units, limit, seed, cohort=lambda unit: unit[1])
    assert len(drawn) == min(limit, len(units))
    assert drawn == sorted(drawn)
    taken = [sum(c == name for _, c in drawn) for name in set(cohorts)]
    there = [cohorts.count(name) for name in set(cohorts)]
    # no cohort lags by more than one behind another while it has units left
    assert all(
        mine == mine_all or mine >= max(taken) - 1
        for mine, mine_all in zip(taken, there, strict=True)
    )


def test_units_that_are_too_large_leave_room_for_smaller_ones():
    units = ["aaa", "bb", "c"]
    drawn = draw(units, 4, 0, cohort=str, size=len)
    assert sum(map(len, drawn)) in (3, 4)
    assert len(draw(units, 1, 1, cohort=str, size=len)) == 1


def test_answers_that_are_no_texts_are_refused():
    with pytest.raises(InputError, match="some that are no texts"):
        ask(lambda prompts: [None for _ in prompts], [({"role": "user", "content": "q"},)])
