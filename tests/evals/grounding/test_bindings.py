import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.evals.grounding.bindings import swapped


@pytest.mark.parametrize(
    ("claim", "source", "named"),
    [
        ("Bob paid Alice 30.", "Alice paid Bob 30.", {"bob", "alic"}),
        ("Alice has 5 dogs and 3 cats.", "Alice has 3 dogs and 5 cats.", {"3", "5"}),
        ("The fee is 900 and the limit 50.", "The fee is 50 and the limit 900.", {"50", "900"}),
        ("Bob was paid by Alice.", "Bob paid Alice.", {"bob", "alic"}),
        (
            "The team won 3-1 in London and lost 2-0 in Paris.",
            "The team won 2-0 in London and lost 3-1 in Paris.",
            {"3-1", "2-0"},
        ),
        (
            "They met Ann in Rome and Tom in Oslo.",
            "They met Tom in Rome and Ann in Oslo.",
            {"ann", "tom"},
        ),
    ],
)
def test_what_changed_places_is_named(claim, source, named):
    assert set(swapped(claim, (source,))) == named


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("The limit is 900 and the fee 50.", "The fee is 50 and the limit 900."),
        ("Bob was paid 30 by Alice.", "Alice paid Bob 30."),
        ("Ann met Tom.", "Tom met Ann."),
        ("Tom and Ann came.", "Ann and Tom came."),
        ("The engine has 12 cylinders.", "The car has 4 doors. Its engine has 12 cylinders."),
    ],
)
def test_another_order_of_the_same_is_no_swap(claim, source):
    assert swapped(claim, (source,)) == []


@given(st.lists(st.sampled_from(["Ann", "Bob", "paid", "5", "9", "and", ",", "dogs", "by", "."])))
def test_nothing_is_swapped_in_itself(words):
    text = " ".join(words)
    assert swapped(text, (text,)) == []
