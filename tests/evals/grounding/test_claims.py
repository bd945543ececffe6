from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.evals.grounding.claims import find_claims


def test_openings_and_what_claims_nothing_are_left_out():
    answer = "Yes, hail is covered. I'm sorry for the wait!\nThe text does not say more. It is $5."
    found = find_claims(answer)
    assert [claim.text for claim in found] == ["hail is covered.", "It is $5."]
    assert [answer[claim.start : claim.end] for claim in found] == [c.text for c in found]


@pytest.mark.parametrize("answer", ["", "  \n", "Yes.", "👍", "...", "I can't help with that."])
def test_nothing_is_claimed(answer):
    assert find_claims(answer) == []


def test_questions_and_courtesies_claim_nothing():
    said = [
        "Hello!", "Thanks for your question.", "Would you like more details?", "Do you mean hail?",
        "And what about fire?", "Let me know if I can help.", "I hope this helps!",
    ]  # fmt: skip
    assert [find_claims(one) for one in said] == [[] for _ in said]
    told = "Hi, hail is covered. It is $5, isn't it? Did you know that fire is covered?"
    assert len(find_claims(told)) == 3


@given(st.text(max_size=300))
def test_claims_stand_where_they_say(answer):
    found = find_claims(answer)
    assert all(answer[claim.start : claim.end] == claim.text for claim in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
