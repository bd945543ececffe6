import pytest

from trueup.evals import AnswerRelevancy


def judge(prompt, response):
    return AnswerRelevancy().evaluate(prompt=prompt, response=response)


@pytest.mark.parametrize(
    ("prompt", "response", "value"),
    [
        ("What is the capital of France?", "Paris.", 1.0),
        ("Who wrote Hamlet?", "Shakespeare", 1.0),
        ("How many legs has a spider?", "Eight", 1.0),
        ("How many legs has a spider?", "It is brown.", 0.0),
        ("When did the war end?", "In 1945.", 1.0),
        ("When did the war end?", "With a treaty.", 0.0),
        ("Where is it kept?", "in the cellar", 1.0),
        ("Where is it kept?", "The key is in the drawer.", None),
        ("What is the capital of France?", "Bananas are rich in potassium.", 0.0),
        ("What is the capital of France?", "It is Paris.", 1.0),
        ("What is the capital of France?", "paris", None),
        ("Who wrote Hamlet?", "Bananas are rich in potassium.", 0.0),
        ("Who wrote Hamlet?", "Shakespeare was the author.", None),
        ("When did the war end?", "The treaty was signed in 1945.", None),
        ("Is hail covered?", "Yes.", 1.0),
        ("What process do plants use?", "photosynthesis", None),
        ("Tell me about cats", "I'm sorry, I can't help with that.", 0.0),
        ("Tell me about cats", "I don't know.", 0.0),
        ("Tell me about cats", "", None),
        ("How?", "You take the first road to the left and then go on until the old mill.", None),
        ("Translate cat and dog into French, each in a sentence of its own.",
         "Le chat dort sur le grand tapis rouge. Le chien mange dans la cuisine avec moi.", None),
    ],
)  # fmt: skip
def test_short_answers_are_held_against_the_kind_of_question(prompt, response, value):
    assert judge(prompt, response).value == value


def test_sentences_beside_the_topic_count_and_are_shown():
    prompt = "Does the policy cover hail damage to the roof?"
    on, off = (
        "The policy covers hail damage to a roof.",
        "Our offices are open on all working days.",
    )
    assert judge(prompt, on).value == 1.0
    found = judge(prompt, f"{on} {off}")
    assert (found.value, found.label, found.evidence) == (0.75, "relevant", (off,))
    away = judge(prompt, f"{off} You may also come by train, which takes an hour.")
    assert (away.value, away.label) == (0.0, "irrelevant")


def test_words_for_the_task_are_not_its_topic():
    prompt = "Write a short paragraph about glaciers"
    task = "Here is a short paragraph to write, with a point for all of the people who read it."
    topic = "Glaciers are rivers of ice that move downhill under the weight of what falls on them."
    assert judge(prompt, task).value < 0.8 < judge(prompt, topic).value
