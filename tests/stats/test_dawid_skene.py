import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.stats.agreement import Ratings
from trueup.stats.dawid_skene import dawid_skene

# Dawid and Skene 1979, table 1: for each patient the first anaesthetist's three assessments, then
# one of each of the other four
ANAESTHETISTS = """
    1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343
    1111111 2223212 1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222
    1111111 1111111 2322222 1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343
    2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222
"""


def anaesthetists():
    values = np.array([[int(digit) - 1 for digit in row] for row in ANAESTHETISTS.split()])
    assert values.shape == (45, 7)
    return Ratings(
        np.repeat(np.arange(45), 7),
        np.tile([0, 0, 0, 1, 2, 3, 4], 45),
        values.ravel(),
        tuple(range(1, 46)),
        (1, 2, 3, 4, 5),
        (1, 2, 3, 4),
    )


def simulate(seed, confusion, prior, units=2000, seen=3):
    """Draw true values and `seen` raters a unit who answer by their confusion matrices."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(prior), units, p=prior)
    rater = np.argsort(rng.random((units, len(confusion))), axis=1)[:, :seen].ravel()
    unit = np.repeat(np.arange(units), seen)
    steps = np.cumsum(confusion, axis=2)[rater, truth[unit]]
    value = (rng.random(len(unit))[:, None] > steps).sum(axis=1)
    names = [
        tuple(f"{kind}{i}" for i in range(n)) for kind, n in (("u", units), ("r", len(confusion)))
    ]
    return truth, Ratings(unit, rater, value, *names, tuple("abcd"[: len(prior)]))


def right_with(accuracies, values):
    """Confusion matrices of raters who err evenly."""
    a = np.array(accuracies)[:, None, None]
    same = np.eye(values)
    return a * same + (1 - a) / (values - 1) * (1 - same)


def plain_likelihood(ratings, model):
    """The log-likelihood and posterior as equations 2.5 and 2.7 read, by loops."""
    total, posterior = 0.0, []
    for unit in range(len(ratings.units)):
        joint = list(model.prior)
        for k, (u, r, v) in product(
            range(len(joint)), zip(ratings.unit, ratings.rater, ratings.value, strict=True)
        ):
            if u == unit:
                joint[k] *= model.confusion[r, k, v]
        total += math.log(sum(joint))
        posterior.append([p / sum(joint) for p in joint])
    return total, np.array(posterior)


def test_the_anaesthetists_are_those_of_the_paper():
    model = dawid_skene(anaesthetists(), smoothing=0, tolerance=1e-12)
    assert model.prior == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    first = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]
    assert model.confusion[0] == pytest.approx(np.array(first), abs=0.005)
    # patient 3, whom four assessments call 2 and three call 1, is a 2
    assert model.posterior[2].argmax() == 1
    assert model.converged


def test_likelihood_and_posterior_are_those_of_the_equations():
    ratings = anaesthetists()
    model = dawid_skene(ratings, smoothing=0.1, tolerance=1e-12)
    likelihood, posterior = plain_likelihood(ratings, model)
    assert model.log_likelihood == pytest.approx(likelihood)
    assert model.posterior == pytest.approx(posterior)
    # at the fixed point the parameters are the posterior's expected counts, smoothed
    assert model.prior == pytest.approx((posterior.sum(axis=0) + 0.1) / (45 + 0.4), abs=1e-4)
    first = np.array([[posterior[ratings.unit[(ratings.rater == 0) & (ratings.value == v)], k].sum()
                       for v in range(4)] for k in range(4)]) + 0.1  # fmt: skip
    assert model.confusion[0] == pytest.approx(first / first.sum(axis=1, keepdims=True), abs=1e-3)


def test_the_likelihood_never_falls():
    found = [
        dawid_skene(anaesthetists(), smoothing=0, tolerance=0, max_iterations=n).log_likelihood
        for n in range(1, 12)
    ]
    assert all(b >= a - 1e-9 for a, b in pairwise(found))
    assert found[-1] > found[0] + 1


def test_it_recovers_confusion_prior_and_truth():
    confusion = np.array(
        [
            [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]],
            [[0.7, 0.3, 0.0], [0.05, 0.9, 0.05], [0.1, 0.1, 0.8]],
            [[0.95, 0.0, 0.05], [0.2, 0.7, 0.1], [0.05, 0.05, 0.9]],
            [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.3, 0.0, 0.7]],
            [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]],
        ]
    )
    truth, ratings = simulate(0, confusion, [0.5, 0.3, 0.2], units=6000, seen=4)
    model = dawid_skene(ratings)
    assert model.prior == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    assert model.confusion == pytest.approx(confusion, abs=0.05)
    votes = ratings.value_counts.counts.argmax(axis=1)
    assert (model.posterior.argmax(axis=1) == truth).mean() > (votes == truth).mean() + 0.01
    # what it is 90 to 95% sure of is right about that often
    sure = (model.posterior.max(axis=1) > 0.9) & (model.posterior.max(axis=1) < 0.95)
    assert (model.posterior.argmax(axis=1) == truth)[sure].mean() == pytest.approx(0.925, abs=0.05)


@pytest.mark.parametrize(
    ("accuracy", "values", "units"), [(0.85, 3, 400), (0.8, 4, 1000), (0.7, 2, 1000)]
)
def test_skill_intervals_hold_the_truth_about_as_often_as_they_say(accuracy, values, units):
    accuracies = np.linspace(accuracy - 0.1, accuracy + 0.1, 6)
    held = []
    for seed in range(40):
        confusion = right_with(accuracies, values)
        _, ratings = simulate(seed, confusion, [1 / values] * values, units)
        for skill in dawid_skene(ratings).skills:
            held.append(skill.low <= accuracies[int(skill.rater[1:])] <= skill.high)
    assert 0.88 < np.mean(held) < 0.995


def test_blind_raters_do_not_beat_chance_and_others_do():
    blind = np.full((4, 4), 0.25)
    always = np.zeros((4, 4))
    always[:, 0] = 1
    good = right_with([0.85, 0.7, 0.8], 4)
    _, ratings = simulate(1, np.stack([*good, blind, always]), [0.6, 0.2, 0.1, 0.1])
    skills = {skill.rater: skill for skill in dawid_skene(ratings).skills}
    assert {rater for rater, skill in skills.items() if not skill.beats_chance} == {"r3", "r4"}
    # who always says the commonest value is right as often as it is true, by chance alone
    assert skills["r4"].reliability == pytest.approx(0.6, abs=0.05)
    assert skills["r4"].chance == pytest.approx(0.6, abs=0.05)
    ranked = [skill.reliability for skill in dawid_skene(ratings).skills]
    assert ranked == sorted(ranked)


def test_known_units_stay_fixed_and_turn_a_wrong_majority_round():
    # two of three raters say the opposite of the truth nine times in ten
    confusion = np.stack([*right_with([0.1, 0.1, 0.9], 2)])
    truth, ratings = simulate(2, confusion, [0.7, 0.3], units=600)
    gold = {f"u{i}": "ab"[truth[i]] for i in range(60)}
    without, given = dawid_skene(ratings), dawid_skene(ratings, gold=gold | {"unseen": "a"})
    assert (without.posterior.argmax(axis=1) == truth).mean() < 0.3
    assert (given.posterior.argmax(axis=1) == truth).mean() > 0.9
    assert np.array_equal(given.posterior[:60], np.eye(2)[truth[:60]])
    assert [skill.rater for skill in given.skills][-1] == "r2"
    # a known unit adds the probability of its known value alone
    all_known = dawid_skene(ratings, gold={f"u{i}": "ab"[t] for i, t in enumerate(truth)})
    prior = (np.bincount(truth) + 0.1) / 600.2
    assert all_known.prior == pytest.approx(prior)
    logs = (
        np.log(prior)[truth].sum()
        + np.log(all_known.confusion[ratings.rater, truth[ratings.unit], ratings.value]).sum()
    )
    assert all_known.log_likelihood == pytest.approx(logs)


@given(st.integers(0, 1000), st.permutations(range(4)), st.permutations(range(3)))
@settings(max_examples=20)
def test_names_of_raters_and_values_change_nothing_else(seed, raters, values):
    _, ratings = simulate(seed, right_with([0.9, 0.8, 0.7, 0.6], 3), [0.5, 0.3, 0.2], units=50)
    raters, values = np.array(raters), np.array(values)
    other = Ratings(
        ratings.unit,
        raters[ratings.rater],
        values[ratings.value],
        ratings.units,
        ratings.raters,
        ratings.domain,
    )
    first, second = (dawid_skene(r, max_iterations=20) for r in (ratings, other))
    assert second.log_likelihood == pytest.approx(first.log_likelihood)
    assert second.posterior[:, values] == pytest.approx(first.posterior, abs=1e-6)
    assert second.confusion[raters][:, values][:, :, values] == pytest.approx(
        first.confusion, abs=1e-6
    )


def test_perfect_agreement_is_full_reliability_however_few_the_labels():
    ratings = Ratings.from_table([["a", "b", "a", "c"] * 10] * 3)
    model = dawid_skene(ratings)
    assert model.posterior.max(axis=1).min() > 0.999
    for skill in model.skills:
        assert skill.reliability > 0.97
        assert skill.low > 0.8
        assert skill.beats_chance
    few = dawid_skene(Ratings.from_table([["a", "b"]] * 3)).skills[0]
    assert few.low < 0.5  # two labels show little


def test_a_value_that_a_rater_hardly_saw_leaves_their_skill_open():
    # all is known: r0 saw 200 a's and 2 b's, r1 101 of each, both right on all
    seen = [("r0", "a")] * 200 + [("r0", "b")] * 2 + [("r1", "a")] * 101 + [("r1", "b")] * 101
    ratings = Ratings.from_triples([(i, *label) for i, label in enumerate(seen)])
    model = dawid_skene(ratings, gold={i: value for i, (_, value) in enumerate(seen)})
    skills = {skill.rater: skill for skill in model.skills}
    assert skills["r1"].low > 0.97
    assert skills["r0"].low < 0.9


def test_the_same_ratings_give_the_same_model_and_the_end_is_told():
    first, second = dawid_skene(anaesthetists()), dawid_skene(anaesthetists())
    assert first.log_likelihood == second.log_likelihood
    assert first.skills == second.skills
    cut = dawid_skene(anaesthetists(), max_iterations=2)
    assert (cut.iterations, cut.converged) == (2, False)


def test_a_unit_without_ratings_has_the_prior():
    ratings = Ratings.from_table([["a", "b", "a"]] * 2)
    wider = Ratings(ratings.unit, ratings.rater, ratings.value, (0, 1, 2, 3), (0, 1), ("a", "b"))
    model = dawid_skene(wider)
    assert model.posterior[3] == pytest.approx(model.prior, abs=1e-6)


def test_what_cannot_be_fitted_is_refused():
    ratings = Ratings.from_table([["a", "b"], ["a", "b"]])
    with pytest.raises(InputError, match="no ratings"):
        dawid_skene(Ratings.from_triples([], domain="ab"))
    with pytest.raises(InputError, match="'a' alone"):
        dawid_skene(Ratings.from_table([["a", "a"]]))
    with pytest.raises(InputError, match="1 units and 9000 values needs 81000000 cells"):
        dawid_skene(Ratings.from_triples([(0, 0, 0)], domain=range(9000)))
    with pytest.raises(InputError, match="below zero"):
        dawid_skene(ratings, smoothing=-1)
    with pytest.raises(
        InputError, match=r"unit 0 is known to be 'z', which is none of \['a', 'b'\]"
    ):
        dawid_skene(ratings, gold={0: "z"})
