import math
from dataclasses import dataclass
from functools import cache, partial

import pytest

from judging import verdict
from trueup.errors import InputError
from trueup.evals import Answered, CustomEvaluation, Evaluator, score_answer
from trueup.models import Grade, Judge, Rubric
from trueup.types import Score


def test_a_rubric_is_graded_by_a_judge(judge_server):
    judge = Judge("judge-1", base_url=judge_server.url)
    kind = CustomEvaluation(
        name="kindness", rubric="Is `response` kind?", judge=judge, takes=("response",)
    )
    judge_server.script = [verdict("mostly", "a bit curt")]
    score = kind.evaluate(response="Fine.")
    assert (score.evaluator, score.value, score.label) == ("kindness", 0.75, "mostly")
    assert "Is `response` kind?" in judge_server.asked[0]["messages"][0]["content"]
    other = CustomEvaluation(
        name="kindness", rubric="Is `response` rude?", judge=judge, takes=("response",)
    )
    assert other.version != kind.version
    with pytest.raises(InputError, match="unknown prompt and missing response; it takes response"):
        kind.evaluate(prompt="q")
    own = Rubric(
        "tone", "3", "Which tone has `output`?", (Grade("warm", "w", 1), Grade("cold", "c", 0)),
        ("output",),
    )  # fmt: skip
    judge_server.script = [verdict("cold")]
    tone = CustomEvaluation(name="tone", rubric=own, judge=judge)
    assert tone.evaluate(output="No.").value == 0.0
    assert tone.version.startswith("judge-3-")


def shorter(*, response, limit=3):
    if response == "raise":
        raise ValueError("no good")
    return {"none": None, "nan": math.nan, "two": 2, "text": "x"}.get(
        response, len(response) <= limit
    )


def test_a_function_is_called_with_what_it_names():
    short = CustomEvaluation(name="short", function=shorter)
    assert [short.evaluate(response=text).value for text in ("abc", "abcd")] == [1.0, 0.0]
    assert short.evaluate(response="abcd", limit=4).value == 1.0
    assert isinstance(short, Evaluator)
    with pytest.raises(InputError, match=r"it takes response, limit \(optional\)"):
        short.evaluate(prompt="q")
    assert score_answer([short], messages=(), answer="ab")["short"].value == 1.0
    assert short.arguments(Answered((), (), "x")) == {"response": "x"}


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("raise", "failed: ValueError: no good"),
        ("none", "short returned None"),
        ("nan", "short returned nan, which is not from 0 to 1"),
        ("two", "short returned 2.0, which is not from 0 to 1"),
        ("text", "short returned a str, and no number"),
    ],
)
def test_what_is_no_score_is_unscored_with_the_reason(response, reason):
    short = CustomEvaluation(name="short", function=shorter)
    score = short.evaluate(response=response)
    assert (score.value, score.reason) == (None, reason)
    assert [
        one.value for one in short.evaluate_many([{"response": response}, {"response": "a"}])
    ] == [
        None,
        1.0,
    ]


def test_a_function_may_answer_with_a_score():
    own = CustomEvaluation(
        name="own",
        function=lambda response: Score(
            "x", "9", value=len(response) / 2, label="l", evidence=("e",)
        ),
        version="7",
    )
    score = own.evaluate(response="a")
    assert (score.evaluator, score.version, score.value, score.label) == ("own", "7", 0.5, "l")
    assert own.evaluate(response="abc").value is None


def test_another_function_is_another_version():
    one = CustomEvaluation(name="f", function=lambda response: len(response) > 1)
    two = CustomEvaluation(name="f", function=lambda response: len(response) > 2)
    assert one.version != two.version
    assert CustomEvaluation(name="f", function=shorter, version="2").version == "2"


def at_least(limit, words=("a", "b")):
    def function(response):
        return len(response) >= limit and any(word in response for word in words)

    return function


FLOOR = {"words": 1}


def by_global(response):
    return len(response) > FLOOR["words"] and shorter(response=response)


@dataclass
class Longer:
    limit: int

    def __call__(self, response):
        return len(response) > self.limit


def version(function):
    return CustomEvaluation(name="f", function=function).version


def test_what_a_function_reads_is_of_its_version(monkeypatch):
    assert version(at_least(2)) == version(at_least(2)) != version(at_least(3))
    assert version(at_least(2, ["a"])) != version(at_least(2, ["b"]))
    one, two = (lambda response: len(response) > 1), (lambda response: len(response) > 2)
    assert version(one) != version(two)
    assert version(partial(shorter, limit=2)) != version(partial(shorter, limit=3))
    assert version(Longer(2)) == version(Longer(2)) != version(Longer(3))
    before = version(by_global)
    monkeypatch.setitem(FLOOR, "words", 2)
    assert version(by_global) != before


def test_a_version_sees_the_helpers_of_its_module_and_itself(monkeypatch):
    before = version(by_global)
    monkeypatch.setattr(shorter, "__kwdefaults__", {"limit": 4})
    assert version(by_global) != before

    def again(response):
        return again(response[1:]) if response else 1.0

    assert version(again) == version(again)


def test_the_order_of_a_set_is_of_no_account():
    one, two = {0, 8}, {8, 0}  # equal hashes but for their upper bits: the first stays first
    assert list(one) != list(two)
    assert version(at_least(1, one)) == version(at_least(1, two))


async def later(response):
    return 1.0


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": ""},
        {"rubric": "x"},
        {"rubric": "x", "function": shorter},
        {"function": shorter, "judge": Judge("m")},
        {"function": later},
        {"function": lambda **given: 1.0},
        {"function": lambda: 1.0},
        {"function": "f"},
    ],
)
def test_what_makes_no_evaluation_is_refused(given):
    with pytest.raises(InputError):
        CustomEvaluation(**{"name": "x"} | given)


def test_a_version_sees_what_is_wrapped_and_classes_and_stays_quick():
    def version(function):
        return CustomEvaluation(name="n", function=function).version

    def one(response):
        return len(response) < 1

    def two(response):
        return len(response) < 2

    assert version(cache(one)) != version(cache(two))

    def made(value):
        class Held:
            def limit(self):
                return value

        Held.__module__ = __name__
        return lambda response: len(response) < Held().limit()

    assert version(made(1)) != version(made(2))
    chain = one
    for _ in range(60):
        chain = _calling_twice(chain)
    assert version(chain) != version(one)
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(InputError, match=r"nested too deep .* give version="):
        version(lambda response: len(response) < len(deep))


def _calling_twice(function):
    return lambda response: function(response) and function(response)
