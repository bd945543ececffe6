"""Which pairs a preference stage learns from."""

from __future__ import annotations

from collections import Counter

from trueup.flywheel.learn import balanced_pairs
from trueup.types import Example, ToolCall

LOOKUP = ToolCall("lookup_claim", {"claim_id": "CL-1"}).render()
REFUND = ToolCall("issue_refund", {"claim_id": "CL-1", "amount": 9}).render()
REFUSAL = "I'm sorry, I can't help with that."
ANSWER = "Your deductible is $500."


def pair(number, chosen, rejected):
    asked = ({"role": "user", "content": f"request {number}"},)
    return Example(str(number), asked, (chosen, rejected))


def test_what_points_one_way_is_left_out_as_far_as_nothing_answers_it():
    pairs = [pair(i, LOOKUP, REFUSAL) for i in range(6)]
    pairs += [pair(10, REFUSAL, REFUND), pair(11, REFUND, LOOKUP)]
    pairs += [pair(20, ANSWER, "Your limit is $500.")]
    chosen = balanced_pairs(pairs)
    assert {p.id for p in chosen} > {"10", "11", "20"}
    assert Counter(p.completions for p in chosen)[LOOKUP, REFUSAL] == 1


def test_nothing_balances_a_single_habit():
    assert balanced_pairs([pair(i, LOOKUP, REFUSAL) for i in range(6)]) == []
    assert balanced_pairs([]) == []
