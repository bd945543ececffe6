import pytest

from trueup.errors import InputError
from trueup.evals import Answered, Hedging

SURE = "It is covered and the deductible is five hundred dollars."  # ten words
UNSURE = "It may perhaps be covered, and the deductible could possibly apply."  # four in eleven


def test_hedges_per_hundred_words():
    found = Hedging().evaluate(response=UNSURE)
    assert (found.value, found.label, found.evidence) == (None, None, (UNSURE,))
    assert found.measure == pytest.approx(100 * 4 / 11)
    assert Hedging().evaluate(response=SURE).measure == 0


@pytest.mark.parametrize(
    ("response", "baseline", "label"),
    [
        (UNSURE, SURE, "more"),
        (SURE, UNSURE, "less"),
        (SURE, SURE, "similar"),
        (UNSURE + " " + SURE * 9, UNSURE + " " + SURE * 9, "similar"),
        ("Perhaps.", "", None),
        ("It may rain. " * 20, "It may rain. " * 10, "similar"),
    ],
)
def test_beside_a_baseline(response, baseline, label):
    found = Hedging().evaluate(response=response, baseline=baseline)
    assert (found.value, found.label) == (None, label)


def test_a_value_needs_to_know_how_much_is_right():
    assert Hedging().evaluate(response=UNSURE, expected=5.0).value == 0.0
    assert Hedging().evaluate(response=SURE, expected=0).value == 1.0
    assert Hedging().evaluate(response=SURE, baseline=UNSURE, expected="less").value == 1.0
    assert Hedging().evaluate(response=SURE, baseline=SURE, expected="less").value == 0.0
    assert Hedging().evaluate(response=SURE, expected="less").value is None
    for wrong in (-1, True, float("nan"), "fewer", [1]):
        with pytest.raises(InputError, match=r"expected: .*more, less, similar"):
            Hedging().evaluate(response=SURE, expected=wrong)


def test_nothing_is_said_of_nothing():
    assert Hedging().evaluate(response="").reason == "empty response"
    assert Hedging().arguments(Answered((), (), "x")) == {"response": "x"}
