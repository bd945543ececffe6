from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.stats.prediction_powered import prediction_powered

with warnings.catch_warnings():  # it silences all warnings of the process
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate


def drawn(rng, rate, rows, right=(0.9, 0.8), cluster=1):
    """What is true of rows, and what a judge says who finds `right` of the yes and of the no."""
    said = np.repeat(rng.random(rows // cluster) < rate, cluster)
    found = np.where(said, rng.random(rows) < right[0], rng.random(rows) >= right[1])
    return said.astype(float), found.astype(float)


def test_it_is_what_the_papers_authors_compute():
    rng = np.random.default_rng(1)
    said, found = drawn(rng, 0.3, 3000)
    made = prediction_powered(
        said[:600], found[:600], found[600:], clusters=range(600), clusters_alone=range(600, 3000)
    )
    theirs = float(ppi_mean_pointestimate(said[:600], found[:600], found[600:])[0])
    low, high = ppi_mean_ci(said[:600], found[:600], found[600:], alpha=0.05)
    assert made.corrected.value == pytest.approx(theirs, abs=1e-3)
    assert (made.corrected.low, made.corrected.high) == pytest.approx(
        (float(low[0]), float(high[0])), abs=4e-3
    )
    assert 0.4 < made.weight < 0.6
    # narrower than people's alone, and the judge's alone is off
    assert made.corrected.high - made.corrected.low < made.people.high - made.people.low
    assert made.raw.low > 0.3


@pytest.mark.parametrize(
    ("rate", "labelled", "right", "cluster"),
    [
        (0.5, 40, (0.9, 0.8), 1),
        (0.1, 40, (1.0, 1.0), 1),
        (0.03, 40, (0.95, 0.95), 1),  # the authors' own interval covers four times in five here
        (0.3, 100, (0.6, 0.5), 1),
        (0.5, 100, (0.9, 0.8), 5),
    ],
)
def test_its_interval_covers_what_is_true(rate, labelled, right, cluster):
    rng = np.random.default_rng(3)
    covered, draws = 0, 200
    for _ in range(draws):
        said, found = drawn(rng, rate, 500, right, cluster)
        groups = np.arange(500) // cluster
        made = prediction_powered(
            said[:labelled],
            found[:labelled],
            found[labelled:],
            clusters=groups[:labelled],
            clusters_alone=groups[labelled:],
        )
        covered += made.corrected.low <= rate <= made.corrected.high
    assert covered >= 0.9 * draws  # under 0.95, one seed in a hundred and fifty falls below


def test_groups_with_rows_of_both_kinds_widen_it():
    rng = np.random.default_rng(5)
    said, found = drawn(rng, 0.4, 600, cluster=6)
    groups = np.arange(600) // 6
    labelled = np.arange(600) % 6 == 0
    parts = said[labelled], found[labelled], found[~labelled]
    alone = prediction_powered(*parts, clusters=range(100), clusters_alone=range(100, 600))
    made = prediction_powered(*parts, clusters=groups[labelled], clusters_alone=groups[~labelled])
    assert made.corrected.value == alone.corrected.value
    width, narrow = (p.corrected.high - p.corrected.low for p in (made, alone))
    assert width > 1.1 * narrow


def test_a_judge_that_tells_nothing_is_left_out():
    made = prediction_powered(
        [1, 0, 0, 1], [1, 1, 1, 1], [1] * 50, clusters=range(4), clusters_alone=range(4, 54)
    )
    assert made.weight == 0
    assert made.corrected == made.people
    one = prediction_powered([1, 0], [1, 0], [1, 0], clusters=["a", "a"], clusters_alone="bc")
    assert (one.corrected.low, one.corrected.high) == (0, 1)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=30),
)
def test_it_is_a_rate_inside_its_interval(pairs, alone):
    said, found = zip(*pairs, strict=True)
    made = prediction_powered(
        said, found, alone, clusters=range(len(said)), clusters_alone=["x"] * len(alone)
    )
    assert 0 <= made.corrected.low <= made.corrected.value <= made.corrected.high <= 1
    assert made.corrected.low < made.corrected.high
    assert 0 <= made.weight <= 1


@pytest.mark.parametrize(
    ("said", "found", "alone"), [([], [], [1]), ([1], [1], []), ([1], [1, 0], [1]), ([2], [1], [1])]
)
def test_what_makes_no_sense_is_refused(said, found, alone):
    with pytest.raises(ValueError, match=r"at least one|between 0 and 1"):
        prediction_powered(
            said, found, alone, clusters=range(len(said)), clusters_alone=range(len(alone))
        )
