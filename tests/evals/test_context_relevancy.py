import pytest

from trueup.errors import InputError
from trueup.evals import ContextRelevancy

ASKED = "When does the deductible for hail change?"
ON = "The deductible for hail is set each year. It changes on 1 March."
OFF = "Our offices are open on weekdays. Parking is free."


def judge(prompt, context):
    return ContextRelevancy().evaluate(prompt=prompt, context=context)


def test_the_share_of_sentences_that_bear_on_the_prompt():
    assert judge(ASKED, ON).value == 1.0
    assert judge(ASKED, OFF).value == 0.0
    found = judge(ASKED, [ON, OFF])
    assert (found.value, found.label) == (0.5, "relevant")
    assert found.evidence == ("Our offices are open on weekdays.", "Parking is free.")


def test_a_sentence_that_goes_on_bears_as_what_it_goes_on_from():
    assert (
        judge("Who was Ada Lovelace?", "Ada Lovelace was a writer. She died in 1852.").value == 1.0
    )
    assert judge("Who was Ada Lovelace?", ["Ada Lovelace was a writer.", "She sang."]).value == 0.5


def test_a_word_in_most_sentences_tells_less_than_a_rare_one():
    passages = [f"The policy has a rule number {n} for tenants." for n in range(9)]
    found = judge("Which policy covers hail?", [*passages, "The policy covers hail."])
    assert found.value == 0.1


@pytest.mark.parametrize(
    ("prompt", "context", "reason"),
    [
        (ASKED, "", "empty context"),
        (ASKED, [], "empty context"),
        ("Why?", ON, "the prompt has no words to hold it against"),
    ],
)
def test_what_cannot_be_told_is_unscored(prompt, context, reason):
    assert judge(prompt, context).reason == reason
    with pytest.raises(InputError, match="context: a text or texts are needed"):
        judge(ASKED, 5)
