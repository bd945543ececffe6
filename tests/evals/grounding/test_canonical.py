import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.evals.grounding.canonical import canonical


def test_dates_times_and_numbers_have_one_spelling():
    for ways in (
        ("March 3, 2024", "3 March 2024", "March 3rd, 2024", "Mar. 3 2024", "2024-03-03"),
        ("December 31, 2024", "31/12/2024", "12/31/2024", "31.12.2024"),
        ("March 3", "3rd of March", "3 March"),
        ("17:00", "5 pm", "5 p.m.", "5:00 PM"),
        ("00:00", "12am", "midnight"),
        ("30", "thirty", "Thirty"),
        ("205", "two hundred and five", "two hundred five"),
        ("1500000", "1.5 million", "1,500,000", "1500000.00"),
        ("100", "a hundred", "one hundred"),
        ("500000", "half a million", "500k", "500 thousand"),
        ("$4200000", "$4.2m", "$4.2 million", "$4,200,000"),
        ("5%", "5 %", "five percent", "5 per cent"),
        ("is not", "isn't", "is n't", "isn’t"),
        ("can not", "can't", "cannot"),
    ):
        assert {canonical(f"It {way} there") for way in ways} == {f"It {ways[0]} there"}


@pytest.mark.parametrize(
    "text",
    [
        "One should know, and no one does.",
        "On 03/04/2024, or 2024-13-45.",
        "A 5m pole, 10 a man.",
        "America not Ohio.",
        "Millions of people.",
    ],
)
def test_what_may_be_something_else_stays(text):
    assert canonical(text) == text


def test_numbers_side_by_side_stay_apart():
    assert canonical("between three and four; one, two") == "between 3 and 4; one, 2"
    assert canonical("one million and one") == "1000001"


@given(st.text(max_size=80), st.integers(0, 10**9))
def test_separators_are_left_out_of_any_number_in_any_text(text, number):
    said = canonical(f"{text} {number:,} people")
    assert said.endswith(f" {number} people") or text.strip()[-1:] in "-/.,:"


@given(st.integers(1, 28), st.integers(1, 12), st.integers(1900, 2100))
def test_every_date_is_told_from_the_next_day(day, month, year):
    said = canonical(f"{year}-{month:02}-{day:02}")
    assert said == canonical(f"{year}/{month}/{day}") != canonical(f"{year}-{month:02}-{day + 1}")
