import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.stats.haste import MIN_ITEMS, MIN_LABELS, haste_effects


def simulate(rng, *, slope=0.0, items=120, seen=3, reviewers=8, types=3):
    """Slow reviewers and long question types like long answers; `slope` is haste itself."""
    kind = rng.integers(0, types, items)
    item = np.repeat(np.arange(items), seen)
    reviewer = np.argsort(rng.random((items, reviewers)), axis=1)[:, :seen].ravel()
    pace, length = np.linspace(-2, 2, reviewers)[reviewer], 1.5 * kind[item]
    own = rng.normal(size=len(item))
    seconds = 2.0 ** (5 + pace + length + own)
    shared = rng.normal(size=items)[item]
    measure = 2 * pace + 3 * length + slope * own + shared + rng.normal(size=len(item))
    return {
        "seconds": seconds,
        "measure": measure,
        "reviewers": [f"r{i}" for i in reviewer],
        "question_types": [f"q{k}" for k in kind[item]],
        "items": item.tolist(),
    }


def one(data, **kwargs):
    [effect] = haste_effects(**data, groups=["all"] * len(data["items"]), **kwargs)
    return effect


def dummies(data):
    cells = list(zip(data["reviewers"], data["question_types"], strict=True))
    return np.array(
        [[cell == other for other in sorted(set(cells))] for cell in cells], dtype=float
    )


def test_it_is_the_regression_on_dummies_with_a_clustered_variance():
    """Held against statsmodels, with a dummy for each reviewer and question type."""
    from statsmodels.regression.linear_model import OLS

    data = simulate(np.random.default_rng(0), slope=-0.3)
    effect = one(data)
    design = np.column_stack([np.log2(data["seconds"]), dummies(data)])
    fit = OLS(data["measure"], design).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(data["items"])}, use_t=True
    )
    assert effect.slope == pytest.approx(fit.params[0])
    assert (effect.low, effect.high) == pytest.approx(tuple(fit.conf_int()[0]))
    assert effect.p == pytest.approx(fit.pvalues[0])
    assert (effect.n, effect.items, effect.reason) == (360, 120, "")


def test_a_reviewers_only_label_on_a_question_type_says_nothing():
    data = simulate(np.random.default_rng(1))
    effect = one(data)
    extra = {k: [*v, {"seconds": 1e6, "measure": 1e6}.get(k, "new")] for k, v in data.items()}
    assert one(extra) == effect


def test_slow_reviewers_and_long_questions_do_not_make_it():
    rng = np.random.default_rng(2)
    flagged, raw = [], []
    for _ in range(300):
        data = simulate(rng)
        flagged.append(one(data).p < 0.05)
        raw.append(np.corrcoef(np.log2(data["seconds"]), data["measure"])[0, 1])
    assert np.mean(flagged) == pytest.approx(0.05, abs=0.03)
    assert np.mean(raw) > 0.5  # which a look across reviewers and types would have found


def test_haste_is_found_and_its_interval_holds_it():
    rng = np.random.default_rng(3)
    found = [one(simulate(rng, slope=-0.5)) for _ in range(100)]
    assert np.mean([effect.low <= -0.5 <= effect.high for effect in found]) > 0.9
    assert np.mean([effect.p < 0.05 for effect in found]) > 0.9
    assert np.mean([effect.slope for effect in found]) == pytest.approx(-0.5, abs=0.05)
    assert all(effect.correlation < 0 for effect in found)


def test_groups_are_corrected_for_each_other_and_ranked():
    rng = np.random.default_rng(4)
    calm, hasty = simulate(rng), simulate(rng, slope=-1.0)
    data = {
        key: [*calm[key], *(hasty[key] if key in ("seconds", "measure") else map(str, hasty[key]))]
        for key in calm
    }
    groups = ["calm"] * 360 + ["hasty"] * 360
    first, second = haste_effects(**data, groups=groups)
    assert (first.group, second.group) == ("hasty", "calm")
    assert first.p_holm == pytest.approx(2 * first.p)
    assert first.p_holm < 0.001 < second.p_holm
    by_type = haste_effects(**data)
    assert {effect.group for effect in by_type} == {"q0", "q1", "q2"}


@given(st.integers(0, 100), st.floats(0.1, 10), st.floats(-5, 5))
def test_units_of_time_and_measure_change_what_they_should(seed, factor, shift):
    data = simulate(np.random.default_rng(seed), slope=-0.3, items=30)
    effect = one(data)
    other = one(
        data | {"seconds": data["seconds"] * factor, "measure": 2 * data["measure"] + shift}
    )
    assert other.slope == pytest.approx(2 * effect.slope)
    assert other.p == pytest.approx(effect.p)
    assert other.correlation == pytest.approx(effect.correlation)
    swapped = one(data | {"measure": -data["measure"]})
    assert (swapped.low, swapped.high) == pytest.approx((-effect.high, -effect.low))


def shaped(n, *, seconds=None, measure=None, items=None):
    rng = np.random.default_rng(0)
    return {
        "seconds": rng.uniform(1, 9, n) if seconds is None else seconds,
        "measure": rng.normal(size=n) if measure is None else measure,
        "reviewers": ["ann"] * n,
        "question_types": ["q"] * n,
        "items": list(range(n)) if items is None else items,
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (shaped(MIN_LABELS - 1), f"{MIN_LABELS - 1} labels that can be compared"),
        (shaped(30, items=[i % (MIN_ITEMS - 1) for i in range(30)]), f"on {MIN_ITEMS - 1} items"),
        (shaped(30, seconds=np.full(30, 3.3)), "took as long"),
        (shaped(30, measure=np.full(30, 0.1)), "do not differ"),
    ],
)
def test_a_group_that_cannot_be_judged_says_why(data, reason):
    effect = one(data)
    assert reason in effect.reason
    assert (effect.slope, effect.low, effect.high, effect.p, effect.p_holm) == (None,) * 5


def test_just_enough_is_judged():
    assert one(shaped(MIN_LABELS)).reason == ""


def test_an_exact_relation_has_no_doubt():
    seconds = np.arange(1.0, 31)
    effect = one(shaped(30, seconds=seconds, measure=-np.log2(seconds)))
    assert (effect.slope, effect.correlation) == pytest.approx((-1, -1))
    assert effect.p < 1e-12


def test_what_cannot_be_read_is_refused():
    with pytest.raises(InputError, match="columns of 30, 29"):
        one(shaped(30) | {"measure": [0.0] * 29})
    with pytest.raises(InputError, match="above zero"):
        one(shaped(30, seconds=[0.0] * 30))
    with pytest.raises(InputError, match="finite throughout"):
        one(shaped(30, measure=[float("nan")] * 30))
    assert haste_effects([], [], reviewers=[], question_types=[], items=[]) == []
