import asyncio

import pytest

from trueup.errors import InputError, UnknownName
from trueup.evals import EVALUATORS, Answered, Groundedness, Refusal, evaluator
from trueup.types import Expected, ToolCall


def test_wrong_arguments_are_named_with_those_it_takes():
    with pytest.raises(
        InputError,
        match=r"Refusal.evaluate: unknown answer and missing prompt, response; "
        r"it takes prompt, response, expected \(optional\)",
    ):
        Refusal().evaluate(answer="x")


def test_one_failing_row_does_not_sink_the_rest():
    scores = Groundedness().evaluate_many(
        [
            {"response": "Hail.", "context": "Hail."},
            {"response": 5, "context": ""},
            {"context": ""},
            {"response": "Rust.", "context": "Hail."},
        ]
    )
    assert [score.label for score in scores] == ["grounded", None, None, "ungrounded"]
    assert scores[1].value is scores[2].value is None
    assert scores[1].reason == "failed: InputError: response: a text is needed, not int"
    assert "missing response" in scores[2].reason
    assert all(score.evaluator == "groundedness" for score in scores)


def test_evaluators_are_found_by_either_name():
    for name, cls in EVALUATORS.items():
        assert type(evaluator(name)) is type(evaluator(cls.__name__)) is cls
    with pytest.raises(UnknownName, match="no evaluator 'nope': there are groundedness, task_"):
        evaluator("nope")


def test_a_request_and_its_answer_become_arguments():
    call = ToolCall("f", {})
    answered = Answered(
        messages=(
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "well"},
            {"role": "user", "content": "second"},
        ),
        context=("a",),
        answer=call.render(),
        expected=Expected(refuse=True),
    )
    assert Groundedness().arguments(answered) == {"response": call.render(), "context": ("a",)}
    assert Refusal().arguments(answered) == {
        "prompt": "second",
        "response": call.render(),
        "expected": True,
    }
    assert answered.trajectory.steps == (call,)
    assert Answered((), (), "x").prompt == ""


def test_async_twins_answer_alike_and_every_score_says_how_long_it_took():
    rows = [
        {"prompt": "Hi", "response": "I cannot help with that."},
        {"prompt": "Hi", "response": None},
        {"prompt": "Hi", "response": "Hello."},
    ]

    async def both():
        return await asyncio.gather(Refusal().aevaluate(**rows[0]), Refusal().aevaluate_many(rows))

    one, many = asyncio.run(both())
    assert one == Refusal().evaluate(**rows[0])
    assert many == Refusal().evaluate_many(rows)
    assert [score.label for score in many] == ["full", None, "none"]
    assert one.seconds > 0
    assert many[1].seconds is None  # nothing was scored


@pytest.mark.parametrize("name", ["refusal", "sycophancy"])
def test_an_expectation_that_is_no_verdict_is_refused(name):
    with pytest.raises(InputError, match="expected: true, false or None is needed, not 'full'"):
        evaluator(name).evaluate(prompt="Hi", response="I can't help with that.", expected="full")


def test_a_context_is_a_text_or_texts():
    with pytest.raises(InputError, match="a text or texts are needed, not dict"):
        Groundedness().evaluate(response="Hail.", context={"Hail.": 0})
