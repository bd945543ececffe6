import pytest

from trueup.errors import InputError
from trueup.evals import LengthDrift


def test_words_are_counted_without_calls():
    found = LengthDrift().evaluate(
        response='It\'s covered. <tool_call>{"name": "f", "arguments": {"a": "b c d"}}</tool_call>'
    )
    assert (found.value, found.label, found.measure) == (None, None, 2.0)


@pytest.mark.parametrize(
    ("response", "words"),
    [("", 0), ("ok", 1), ("保険です", 4), ("it costs 5 €", 3), ("مرحبا بك", 2)],
)
def test_words_of_every_script(response, words):
    assert LengthDrift().evaluate(response=response).measure == words


@pytest.mark.parametrize(
    ("response", "baseline", "ratio", "label"),
    [
        ("a b c d e", "a b", 2.0, "longer"),
        ("a", "a b c", 0.5, "shorter"),
        ("a b c", "d e f", 1.0, "similar"),
        ("", "", 1.0, "similar"),
        ("a b c", "", 4.0, "longer"),
    ],
)
def test_the_ratio_to_a_baseline(response, baseline, ratio, label):
    found = LengthDrift().evaluate(response=response, baseline=baseline)
    assert (found.value, found.label, found.measure) == (None, label, ratio)


def test_a_value_needs_to_know_what_is_right():
    judge = LengthDrift()
    assert judge.evaluate(response="a b c", expected=3).value == 1.0
    assert judge.evaluate(response="a b c", expected=2).value == 0.0
    assert judge.evaluate(response="a b", baseline="c d", expected="similar").value == 1.0
    assert judge.evaluate(response="a b c d", baseline="c", expected="similar").value == 0.0
    assert judge.evaluate(response="a", expected="similar").value is None
    with pytest.raises(InputError, match="no label 'same'; it is longer, shorter, similar"):
        judge.evaluate(response="a", expected="same")
