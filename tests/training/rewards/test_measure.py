from __future__ import annotations

import numpy as np
import pytest

from trueup.errors import InputError
from trueup.training.rewards import Rewards, measure_rewards, weigh_heads
from trueup.types import Example


def example(i: int, *texts: str, cohort: str = "", head: str = "") -> Example:
    prompt = ({"role": "user", "content": f"q{i}"},)
    return Example(str(i), prompt, texts or ("a", "b"), cohort=cohort, head=head)


def single(*rewards: float, lengths: tuple[int, ...] = (2, 2)) -> Rewards:
    return Rewards(np.array(rewards)[None, :, None], lengths)


def test_accuracy_and_calibration_by_cohort() -> None:
    rows = [example(i, cohort="ab"[i % 2]) for i in range(8)]
    # cohort a is right throughout at odds of 3 to 1, cohort b half of the time at the same odds
    odds = np.log(3)
    given = [single(odds, 0) if i % 2 == 0 or i % 4 == 1 else single(0, odds) for i in range(8)]
    [report] = measure_rewards(rows, given, ("reward",))
    whole, a, b = report.cohorts
    assert [c.cohort for c in report.cohorts] == ["all", "a", "b"]
    assert [c.accuracy.value for c in (whole, a, b)] == [0.75, 1.0, 0.5]
    assert [round(c.calibration.error, 9) for c in (whole, a, b)] == [0, 0.25, 0.25]
    assert whole.calibration.brier == pytest.approx(0.75 * 0.25**2 + 0.25 * 0.75**2)
    assert a.calibration.counts == (4,)
    assert a.chosen == pytest.approx((odds,) * 5)


def test_a_head_that_counts_words_is_found_out() -> None:
    lengths = [(9, 3), (8, 2), (7, 6), (2, 9)]
    rows = [example(i) for i in range(4)]
    given = [single(float(a), float(b), lengths=(a, b)) for a, b in lengths]
    [report] = measure_rewards(rows, given, ("reward",))
    probe = report.length
    assert probe.prefers_longer is not None
    assert probe.people_prefer_longer is not None
    assert (probe.prefers_longer.value, probe.people_prefer_longer.value) == (1.0, 0.75)
    assert probe.accuracy_longer is not None
    assert probe.accuracy_shorter is not None
    assert (probe.accuracy_longer.value, probe.accuracy_shorter.value) == (1.0, 0.0)
    assert probe.correlation == pytest.approx(1)


def test_rankings_count_as_neighbours_and_heads_are_apart() -> None:
    rows = [example(0, "a", "b", "c", head="quality"), example(1, head="safety")]
    given = [
        Rewards(np.array([[[3.0, 0], [1, 0], [2, 0]]]), (1, 2, 3)),
        Rewards(np.array([[[0.0, 1], [9, 0]]]), (1, 1)),
    ]
    quality, safety = measure_rewards(rows, given, ("quality", "safety"))
    assert (quality.cohorts[0].accuracy.n, quality.cohorts[0].accuracy.value) == (2, 0.5)
    assert (safety.cohorts[0].accuracy.n, safety.cohorts[0].accuracy.value) == (1, 1.0)
    assert safety.length.prefers_longer is None


def test_members_differ_but_for_a_constant() -> None:
    members = np.array([[[1.0], [0.0]], [[11.0], [10.0]], [[1.0], [2.0]]])
    found = Rewards(members, (1, 1))
    assert found.mean[:, 0] == pytest.approx([13 / 3, 4])
    expected = np.std([0.5, 0.5, -0.5], ddof=1)
    assert found.spread[:, 0] == pytest.approx([expected, expected])
    assert not Rewards(members[:1], (1, 1)).spread.any()


def test_heads_are_weighed_as_is_stated_and_all_of_them() -> None:
    rewards = np.array([[1.0, 2.0], [3.0, -1.0]])
    found = weigh_heads(rewards, ("quality", "safety"), {"safety": 2, "quality": 1})
    assert found == pytest.approx([5, 1])
    with pytest.raises(InputError, match="state one for each of quality, safety"):
        weigh_heads(rewards, ("quality", "safety"), {"quality": 1})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (example(7, "a"), r"1 of 1 rows have one completion \(7\)"),
        (example(7, head="tone"), r"1 of 1 rows name no head of quality, safety \(7\)"),
    ],
)
def test_rows_that_say_nothing_about_a_head_are_named(row: Example, message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure_rewards([row], [single(1, 0)], ("quality", "safety"))
