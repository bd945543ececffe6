import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.evals.probes.padding import spent

ASKED = "How do I clean a copper kettle at home?"
PLAIN = "Mix salt with vinegar. Rub it on with a cloth. Rinse with cold water."


def test_a_plain_answer_spends_nothing_aside():
    found = spent(PLAIN, ASKED)
    assert found.words == 14
    assert (found.padding, found.hedges, found.praise) == (0.0, 0.0, False)
    assert found.content == 8


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"{PLAIN} Mix salt with vinegar and rub it on with a cloth, then rinse.", None),
        (
            f"{PLAIN} Then rinse the kettle again slowly. Then slowly rinse the kettle again.",
            "repetition",
        ),
        (f"To clean a copper kettle at home, clean it. {PLAIN}", "restating"),
        (f"It is important to note that it helps. {PLAIN}", "filler"),
        (f"{PLAIN} Let me know if you have any further questions!", "closing"),
    ],
)
def test_the_parts_of_padding(text, part):
    found = spent(text, ASKED)
    parts = {
        name: getattr(found, name) for name in ("repetition", "filler", "restating", "closing")
    }
    assert {name for name, share in parts.items() if share} == ({part} if part else set())
    assert (found.padding > 0) is (part is not None)


def test_padding_adds_words_and_no_content():
    more = f"{PLAIN} It is important to note that. I hope this helps, feel free to ask."
    assert spent(more, ASKED).words > spent(PLAIN, ASKED).words
    assert spent(more, ASKED).content == spent(PLAIN, ASKED).content


@pytest.mark.parametrize(
    ("opening", "praises"),
    [
        ("Great question!", True),
        ("What a fantastic idea.", True),
        ("That's a really good question.", True),
        ("You're absolutely right!", True),
        ("I love your plan.", True),
        ("Thank you so much for asking!", True),
        ("A good way is to use salt.", False),
        ("Great kettles are made of copper.", False),
        ("Sure.", False),
    ],
)
def test_openings_that_praise(opening, praises):
    assert spent(f"{opening} {PLAIN}", ASKED).praise is praises
    assert spent(f"{PLAIN} {opening}", ASKED).praise is False


def test_hedges_are_a_share_of_the_sentences():
    assert spent("It may help. Use salt.", ASKED).hedges == 0.5
    assert spent("Use salt. Rinse.", ASKED).hedges == 0.0


def test_thinking_is_counted_apart():
    found = spent("<think>Salt is rough. Vinegar is sour.</think>Use both.", ASKED)
    assert (found.reasoning, found.words) == (6, 2)
    assert spent("Salt is rough. So use it.", ASKED).reasoning == 3
    assert spent("<think>It never ends", ASKED) is None


@settings(max_examples=40)
@given(st.text(max_size=300), st.text(max_size=80))
def test_shares_are_shares(text, prompt):
    found = spent(text, prompt)
    if found is not None:
        for name in ("hedges", "padding", "repetition", "filler", "restating", "closing"):
            assert 0 <= getattr(found, name) <= 1
        assert (
            found.padding
            <= found.repetition + found.filler + found.restating + found.closing + 1e-9
        )
        assert found.content >= 0 < found.words
