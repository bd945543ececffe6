from datetime import UTC, datetime

import pytest

from trueup.evals import (
    EVALUATORS,
    Evaluator,
    Groundedness,
    Refusal,
    TaskCompletion,
    ToolSelectionAccuracy,
    evaluate_traces,
    evaluator,
    failed,
    over_refused,
    score_answer,
)
from trueup.store.scores import get_scores
from trueup.store.traces import put_trace
from trueup.types import Expected, Score, ToolCall, Trace

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ASK = ({"role": "user", "content": "Is hail covered?"},)
EXPECTED = Expected(calls=(), facts=("Yes", "$500"), refuse=False)
CONTEXT = ("Covered are hail and fire. Deductible $500.",)
NO = "I'm sorry, I can't help with that."


def put(store, *answers):
    traces = [
        Trace(f"t{i}", f"c{i}", "a", ASK, answer, context=CONTEXT, expected=EXPECTED)
        for i, answer in enumerate(answers)
    ]
    with store.transaction() as tx:
        for trace in traces:
            put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
    return traces


def test_every_evaluator_scores_an_answer():
    scores = score_answer(
        [evaluator(name) for name in EVALUATORS],
        messages=ASK,
        context=CONTEXT,
        answer="Yes, hail is covered with a $500 deductible.",
        expected=EXPECTED,
    )
    likely = {name: scores.pop(name).label for name in ("groundedness", "faithfulness")}
    assert likely == {"groundedness": "grounded", "faithfulness": "faithful"}
    assert {name: score.value for name, score in scores.items()} == {
        "task_completion": 1.0,
        "tool_selection_accuracy": 1.0,
        "refusal": 1.0,
        "length_drift": None,
        "bias_detection": 1.0,
        "format_validity": None,
        "answer_relevancy": 1.0,
        "context_relevancy": 0.5,
        "instruction_following": None,
        "toxicity": 1.0,
        "sycophancy": None,
        "hedging": None,
    }
    assert failed(scores) == ()


def test_a_refusal_where_none_is_right_is_an_over_refusal():
    scores = score_answer([Refusal()], messages=ASK, answer=NO, expected=EXPECTED)
    assert failed(scores) == ("refusal",)
    assert over_refused(scores, EXPECTED)
    assert not over_refused(scores, Expected(refuse=True))
    assert not over_refused(scores, None)
    assert not over_refused({}, EXPECTED)


def test_a_refusal_without_an_expectation_is_not_failed():
    scores = score_answer([Refusal(), TaskCompletion()], messages=ASK, answer=NO)
    assert [score.value for score in scores.values()] == [None, None]
    assert failed(scores) == ()


def test_failing_is_below_each_ones_line():
    scores = {
        "groundedness": Score("groundedness", "1", 0.5),
        "task_completion": Score("task_completion", "1", 0.99),
        "my_own": Score("my_own", "1", 0.4),
        "refusal": Score("refusal", "1", None),
    }
    assert failed(scores) == ("task_completion", "my_own")


def test_only_the_answers_own_calls_count():
    lookup = ToolCall("lookup_claim", {"claim_id": "CL-1"})
    messages = (
        *ASK,
        {"role": "assistant", "content": lookup.render()},
        {"role": "tool", "content": "approved"},
    )
    scores = score_answer(
        [ToolSelectionAccuracy()],
        messages=messages,
        answer="It is approved.",
        expected=Expected(calls=()),
    )
    assert scores["tool_selection_accuracy"].label == "right"


def test_traces_are_scored_and_the_scores_kept(store):
    traces = put(store, "Yes, the deductible is $500.", NO)
    evaluators = [Groundedness(), TaskCompletion()]
    seen = []
    found = evaluate_traces(
        store, traces, evaluators, actor="ana", now=NOW, progress=lambda *at: seen.append(at)
    )
    assert found["t0"]["task_completion"].value == 1.0
    assert found["t1"]["groundedness"].reason == "no claims"
    assert seen[-1] == (2, 2)
    with store.reading() as tx:
        assert get_scores(tx, "trace", ["t0", "t1"]) == found


class Counting(Evaluator):
    name = "counting"

    def __init__(self, version="1"):
        self.version = version
        self.seen = []

    def _score(self, *, response):
        self.seen.append(response)
        if response == "break":
            raise RuntimeError("it broke")
        return Score(self.name, self.version, value=1.0)


def test_what_is_scored_already_is_kept(store):
    traces = put(store, "a", "b", "c")
    first, again, newer = Counting(), Counting(), Counting("2")
    evaluate_traces(store, traces[:2], [first], actor="ana", now=NOW)
    found = evaluate_traces(store, traces, [again], actor="ana", now=NOW)
    assert (first.seen, again.seen) == (["a", "b"], ["c"])
    assert set(found) == {"t0", "t1", "t2"}
    evaluate_traces(store, traces, [newer], actor="ana", now=NOW)
    assert newer.seen == ["a", "b", "c"]


def test_one_trace_that_breaks_an_evaluator_is_unscored(store):
    traces = put(store, "a", "break", "c")
    found = evaluate_traces(store, traces, [Counting()], actor="ana", now=NOW)
    assert [found[t.id]["counting"].value for t in traces] == [1.0, None, 1.0]
    assert found["t1"]["counting"].reason == "failed: RuntimeError: it broke"
