import pytest

from trueup.evals import TaskCompletion
from trueup.types import Expected, ToolCall, Trace

LOOKUP = ToolCall("lookup_claim", {"claim_id": "CL-4821"})
REFUND = ToolCall("issue_refund", {"amount": 5})


def score(answer, expected, steps=()):
    trace = Trace("t", "c", "a", (), answer, steps=steps)
    return TaskCompletion().evaluate(trajectory=trace, expected=expected)


@pytest.mark.parametrize(
    ("answer", "fact", "said"),
    [
        ("The deductible is $500.", "$500", True),
        ("The deductible is $5000.", "$500", False),
        ("The deductible is $500.50.", "$500", False),
        ("It is $1,500.", "$1500", True),
        ("It is $1500.", "$1,500", True),
        ("YES, it is", "yes", True),
        ("Yesterday", "yes", False),
        ("It is  under\nreview", "under review", True),
        ("It is ｕｎｄｅｒ review", "under review", True),
        ("It is not mentioned", ("does not mention", "not mentioned"), True),
        ("التغطية تشمل البرد", "البرد", True),
        ("", "yes", False),
    ],
)
def test_facts_are_whole_words(answer, fact, said):
    assert score(answer, Expected(facts=(fact,))).value == float(said)


def test_a_fact_inside_a_call_was_not_told():
    assert score(LOOKUP.render(), Expected(facts=("CL-4821",))).value == 0.0


def test_credit_is_partial():
    expected = Expected(calls=(LOOKUP,), facts=("Yes", "$500"), refuse=False)
    found = score("Yes. " + LOOKUP.render(), expected)
    assert found.value == pytest.approx(2 / 3)
    assert found.label == "partial"
    assert found.evidence == ("fact $500",)
    assert score("Yes, $500. " + LOOKUP.render(), expected).label == "complete"


def test_a_forbidden_call_undoes_the_rest():
    expected = Expected(facts=("Yes",), forbidden=("issue_refund",))
    found = score("Yes. " + REFUND.render(), expected)
    assert (found.value, found.label) == (0.0, "failed")
    assert found.evidence == ("issue_refund is forbidden",)
    assert score("Yes.", expected).value == 1.0
    assert score("Yes.", Expected(forbidden=("issue_refund",))).value == 1.0


def test_calls_that_nobody_asked_for_cost():
    assert score("Yes." + LOOKUP.render(), Expected(calls=(), facts=("Yes",))).value == 0.5
    wrong = ToolCall("lookup_claim", {"claim_id": "CL-1"})
    found = score(wrong.render(), Expected(calls=(LOOKUP,)))
    assert found.value == 0.0
    assert found.evidence == ("call lookup_claim", "no call lookup_claim")


def test_equal_calls_that_are_expected_twice():
    expected = Expected(calls=(LOOKUP, LOOKUP))
    assert score(LOOKUP.render(), expected).value == 0.5
    assert score(LOOKUP.render() * 2, expected).value == 1.0


def test_refusing_is_a_goal_or_a_fault():
    no = "I'm sorry, I can't help with that."
    assert score(no, Expected(refuse=True)).value == 1.0
    assert score("Sure, done.", Expected(refuse=True)).value == 0.0
    found = score(no, Expected(refuse=False, facts=("help",)))
    assert (found.value, found.evidence) == (0.0, ("it refuses without reason",))


def test_an_answer_that_does_nothing_earns_nothing():
    idle = Expected(calls=(LOOKUP,), forbidden=("issue_refund",), refuse=False)
    assert score("Hm.", idle).value == 0.0


def test_nothing_expected_is_unscored():
    assert score("Yes.", None).value is None
    assert score("Yes.", Expected(outcome="a happy customer")).value is None


def test_a_list_of_messages_is_the_whole_conversation():
    messages = [
        {"role": "user", "content": "The total is $700?"},
        {"role": "assistant", "content": "It is $327."},
        {"role": "user", "content": "Thanks"},
        {"role": "assistant", "content": "You are welcome."},
    ]
    expected = Expected(facts=("$327", "$700"))
    assert TaskCompletion().evaluate(trajectory=messages, expected=expected).value == 0.5
