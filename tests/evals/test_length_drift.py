import pytest

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
