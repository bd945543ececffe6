from trueup.evals import Faithfulness, Groundedness

CONTEXT = "Hail and fire are covered by the policy. The deductible is $500 a year."


def test_what_is_made_up_in_half_a_sentence_costs_half_of_it():
    response = "Hail is covered by the policy, and the deductible is $900 a year."
    found = Faithfulness().evaluate(response=response, context=CONTEXT)
    assert (found.label, found.measure) == ("partly", 2)
    assert 0.3 < found.value < 0.6
    assert found.evidence == ("the deductible is $900 a year. [not in the context: 900]",)
    whole = Groundedness().evaluate(response=response, context=CONTEXT)
    assert whole.label == "ungrounded"


def test_a_list_of_things_is_one_claim():
    found = Faithfulness().evaluate(response="Hail and fire are covered.", context=CONTEXT)
    assert (found.label, found.measure) == ("faithful", 1)
    assert found.value >= Faithfulness.pass_line


def test_nothing_stands_on_an_empty_context_and_nothing_claimed_is_unscored():
    found = Faithfulness().evaluate(response="Hail is covered.", context=[])
    assert (found.value, found.label) == (0.0, "unfaithful")
    assert found.evidence == ("Hail is covered.",)
    found = Faithfulness().evaluate(response="I'm sorry.", context=CONTEXT, prompt="Is hail?")
    assert (found.value, found.reason) == (None, "no claims")


def test_many_are_scored_as_one_by_one():
    rows = [
        {"response": "Hail is covered, but rust is not covered by it.", "context": CONTEXT},
        {"response": "Is hail covered?", "context": CONTEXT},
        {"response": "The deductible is $500 a year.", "context": [CONTEXT], "prompt": "How much?"},
    ]
    assert Faithfulness().evaluate_many(rows) == [Faithfulness().evaluate(**row) for row in rows]
    words = Faithfulness(network=False)
    assert words.version == "2-words"
    assert words.evaluate(**rows[2]).label == "faithful"
