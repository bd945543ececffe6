from trueup.text import hedges


def test_words_that_hedge_are_found():
    said = "Perhaps it may be so; In general it seems likely."
    assert hedges(said) == ["perhaps", "may", "in general", "seems", "likely"]
    assert hedges("It is so. Thinking of Mayor Quiteman.") == []
