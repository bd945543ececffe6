from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from trueup.stats.agreement import Ratings, krippendorff_alpha
from trueup.stats.classification import classification

items = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=40
)


@given(items)
def test_figures_are_those_of_other_computations(rows: list[tuple[bool, bool, int]]) -> None:
    said, found, scores = (np.array(column) for column in zip(*rows, strict=True))
    made = classification(said, found, clusters=range(len(rows)), scores=scores, draws=20)
    assert made.accuracy is not None
    assert made.accuracy.value == pytest.approx((said == found).mean())
    both = (said & found).sum()
    if said.any() or found.any():
        assert made.f1 is not None
        assert made.f1.value == pytest.approx(2 * both / (said.sum() + found.sum()))
    else:
        assert made.f1 is None
    if 0 < said.sum() < len(said):
        rank = mannwhitneyu(scores[said], scores[~said]).statistic
        assert made.auroc is not None
        assert made.auroc.value == pytest.approx(rank / (said.sum() * (~said).sum()))
        assert made.balanced_accuracy is not None
        shares = [(found[said]).mean(), (~found[~said]).mean()]
        assert made.balanced_accuracy.value == pytest.approx(np.mean(shares))
        table = [[both, (said & ~found).sum()], [(~said & found).sum(), (~said & ~found).sum()]]
        assert made.kappa is not None
        ratings = Ratings.from_triples(
            (unit, rater, value)
            for unit, pair in enumerate(zip(said.tolist(), found.tolist(), strict=True))
            for rater, value in enumerate(pair)
        )
        assert made.alpha is not None
        assert made.alpha.value == pytest.approx(krippendorff_alpha(ratings).value)
        assert made.kappa.value == pytest.approx(
            cohens_kappa(np.array(table), return_results=False)
        )
    else:
        assert made.auroc is None
        assert made.balanced_accuracy is None
    for figure in (made.accuracy, made.f1, made.auroc):
        assert figure is None or 0 <= figure.low < figure.high <= 1
    for figure in (made.kappa, made.alpha):
        assert figure is None or figure.low < figure.high <= 1


def test_an_interval_covers_what_is_true_and_widens_with_clusters() -> None:
    rng = np.random.default_rng(4)
    covered, alone, together = 0, [], []
    for _ in range(60):
        said = rng.random(300) < 0.4
        right = rng.random(300) < 0.8
        made = classification(said, said == right, clusters=range(300), draws=400)
        assert made.accuracy is not None
        covered += made.accuracy.low <= 0.8 <= made.accuracy.high
        alone.append(made.accuracy.high - made.accuracy.low)
        same = np.repeat(right[:60], 5)  # five of a kind are right or wrong together
        grouped = classification(said, said == same, clusters=np.repeat(range(60), 5), draws=400)
        assert grouped.accuracy is not None
        together.append(grouped.accuracy.high - grouped.accuracy.low)
    assert covered >= 52  # of 60 at 95%: fewer than one seed in a thousand
    assert np.mean(together) > 1.8 * np.mean(alone)


def test_few_items_that_are_all_judged_rightly_do_not_claim_certainty() -> None:
    said = [True, False, False, False, False]
    made = classification(said, said, clusters=range(5), scores=said)
    assert made.accuracy is not None
    wilson = proportion_confint(5, 5, method="wilson")
    assert (made.accuracy.low, made.accuracy.high) == pytest.approx(wilson)
    for figure in (made.recall, made.precision, made.f1, made.balanced_accuracy, made.auroc):
        assert figure is not None
        assert (figure.low, figure.value, figure.high) == (0.0, 1.0, 1.0)  # one yes alone
    assert made.kappa is not None
    assert (made.kappa.low, made.kappa.high) == (-1.0, 1.0)
    together = classification(said, said, clusters=[0] * 5)
    assert together.accuracy is not None
    assert (together.accuracy.low, together.accuracy.high) == (0.0, 1.0)


def test_the_same_seed_draws_the_same() -> None:
    said, found = [True, False, True, False] * 5, [True, True, True, False] * 5
    one, other = (classification(said, found, clusters=range(20), draws=50) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("said", "found", "clusters", "scores"),
    [
        ([], [], [], None),
        ([True], [True, False], [0], None),
        ([True], [True], [], None),
        ([True, False], [True, False], [0, 1], [0.1, float("nan")]),
        ([True, False], [True, False], [0, 1], [0.1]),
    ],
)
def test_what_makes_no_sense_is_refused(said, found, clusters, scores) -> None:
    with pytest.raises(ValueError, match="item"):
        classification(said, found, clusters=clusters, scores=scores)


def test_verbosity_is_how_length_goes_with_the_verdict_at_equal_label() -> None:
    rng = np.random.default_rng(2)
    said = np.repeat([True, False], 200)
    lengths = rng.permutation(400) + 300 * said  # people's yes are longer, which is no bias
    covered = 0
    for _ in range(40):
        fair = said ^ (rng.random(400) < 0.2)
        made = classification(said, fair, clusters=range(400), lengths=lengths, draws=200)
        assert made.verbosity is not None
        covered += made.verbosity.low < 0.5 < made.verbosity.high
    assert covered >= 33  # of 40 at 95%: fewer than one seed in a hundred
    long = lengths > np.where(said, 400, 300)
    leaning = np.where(rng.random(400) < 0.4, long, said)
    made = classification(said, leaning, clusters=range(400), lengths=lengths, draws=300)
    assert made.verbosity is not None
    pairs = [
        np.sign(lengths[i] - lengths[j]) / 2 + 0.5
        for label in (True, False)
        for i in np.flatnonzero((said == label) & leaning)
        for j in np.flatnonzero((said == label) & ~leaning)
    ]
    assert made.verbosity.value == pytest.approx(np.mean(pairs))
    assert made.verbosity.low > 0.55


def test_verbosity_needs_verdicts_that_differ_at_equal_label() -> None:
    said = np.repeat([True, False], 20)
    lengths = np.arange(40)
    agreed = classification(said, said, clusters=range(40), lengths=lengths, draws=20)
    assert agreed.verbosity is None
    four, five = (np.where(np.isin(lengths, range(k)), ~said, said) for k in (4, 5))
    few = classification(said, four, clusters=range(40), lengths=lengths, draws=20)
    enough = classification(said, five, clusters=range(40), lengths=lengths, draws=20)
    assert few.verbosity is None
    assert enough.verbosity is not None
    assert enough.verbosity.value == 1  # its five no among people's yes are the shortest
    with pytest.raises(ValueError, match="lengths: one finite number"):
        classification(said, five, clusters=range(40), lengths=[1.0], draws=20)
