import os
import signal
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trueup.errors import EvaluationError, InputError
from trueup.evals import EVALUATORS, Evaluator, evaluate_traces, evaluator
from trueup.scoring import Answered, Workers, score_answers
from trueup.store.scores import find_by_input, get_scores
from trueup.store.traces import put_trace
from trueup.types import Expected, Score, Trace

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ASK = ({"role": "user", "content": "Is hail covered?"},)


class Counting(Evaluator):
    """Says how long an answer is, at a price, and notes what it was asked; breaks where told to."""

    name = "counting"

    def __init__(self, version="1", name="counting"):
        self.name, self.version = name, version
        self.asked, self.broken = [], set()

    def _score(self, *, response, context):
        self.asked.append(response)
        if response in self.broken:
            raise RuntimeError("it broke")
        return Score(self.name, self.version, 1 / (1 + len(response)), cost=0.25)


def put(store, answers, prefix="t", context=("Covered is hail.",)):
    traces = [
        Trace(f"{prefix}{n}", "c", "a", ASK, answer, context=context)
        for n, answer in enumerate(answers)
    ]
    with store.transaction() as tx:
        for trace in traces:
            put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
    return traces


def score(store, traces, *evaluators, now=NOW, workers=None):
    return evaluate_traces(
        store, traces, evaluators, actor="ana", now=now, workers=workers or Workers()
    )


def stored(store, traces):
    with store.reading() as tx:
        return get_scores(tx, "trace", [trace.id for trace in traces])


def test_threads_and_processes_find_what_is_found_here(tmp_path):
    from trueup.store import Store

    evaluators = [evaluator(name) for name in EVALUATORS]
    answers = ["Yes, hail is covered.", "I'm sorry, I can't help with that.", "", "No. " * 40] * 10
    answers = [f"{answer} {n}" for n, answer in enumerate(answers)]
    found = []
    for number, workers in enumerate((Workers(), Workers(3), Workers(2, processes=True))):
        with Store.open(tmp_path / str(number)) as store:
            traces = put(store, answers)
            found.append(score(store, traces, *evaluators, workers=workers))
            assert stored(store, traces) == found[-1]
    assert list(found[0]) == [trace.id for trace in traces]
    assert list(found[0]["t0"]) == [one.name for one in evaluators]
    assert list(map(list, found[1].items())) == list(map(list, found[0].items()))
    assert found[2] == found[1] == found[0]


def test_the_same_input_is_scored_once(store):
    first, second = Counting(), Counting()
    traces = put(store, ["a", "bb", "a"])
    found = score(store, traces, first)
    assert sorted(first.asked) == ["a", "bb"]
    assert found["t0"] == found["t2"]
    others = put(store, ["bb", "a", "ccc"], "u")
    found |= score(store, others, second)
    assert second.asked == ["ccc"]
    assert found["u0"] == found["t1"]
    assert stored(store, traces + others) == found
    costs = [one["counting"].cost for one in stored(store, traces + others).values()]
    assert sum(cost or 0 for cost in costs) == 3 * 0.25


def test_another_context_version_or_evaluator_is_another_input(store):
    score(store, put(store, ["a"]), Counting())
    elsewhere, newer, other = Counting(), Counting("2"), Counting(name="other")
    score(store, put(store, ["a"], "u", context=()), elsewhere)
    traces = put(store, ["a"], "v")
    score(store, traces, newer, other)
    assert elsewhere.asked == newer.asked == other.asked == ["a"]


def test_an_older_version_is_still_known(store):
    traces = put(store, ["a"])
    score(store, traces, Counting("1"))
    score(store, traces, Counting("2"), now=LATER)
    again = Counting("1")
    assert score(store, traces, again)["t0"]["counting"].version == "1"
    assert again.asked == []


def test_what_broke_is_tried_again_and_not_copied(store):
    traces = put(store, ["a", "bb"])
    judge = Counting()
    judge.broken = {"a"}
    found = score(store, traces, judge)
    assert found["t0"]["counting"].reason == "failed: RuntimeError: it broke"
    assert stored(store, traces) == found
    judge.broken = set()
    found = score(store, traces, judge, now=LATER)
    assert judge.asked == ["a", "bb", "a"]
    assert found["t0"]["counting"].value == 0.5
    assert stored(store, traces) == found
    judge.broken = {"ccc"}
    score(store, put(store, ["ccc"], "u"), judge)
    score(store, put(store, ["ccc"], "v"), judge)
    assert judge.asked[3:] == ["ccc", "ccc"]


class Batching(Counting):
    """Breaks as a whole where one row of a batch is bad."""

    def evaluate_many(self, rows):
        rows = list(rows)
        if any(row["response"] in self.broken for row in rows):
            raise ValueError("a bad batch")
        return super().evaluate_many(rows)


def test_a_row_that_breaks_its_batch_does_not_sink_the_rest(store):
    judge = Batching()
    judge.broken = {"5"}
    traces = put(store, map(str, range(9)))
    found = score(store, traces, judge)
    assert [found[t.id]["counting"].value for t in traces] == [0.5] * 5 + [None] + [0.5] * 3
    assert found["t5"]["counting"].reason == "failed: ValueError: a bad batch"


class Stopping(Counting):
    """Is stopped, as by Ctrl-C, at an answer."""

    def _score(self, *, response, context):
        if response == "stop":
            raise KeyboardInterrupt
        return super()._score(response=response, context=context)


@pytest.mark.parametrize("workers", [Workers(), Workers(2)])
def test_a_stopped_run_goes_on_with_what_is_missing(store, workers):
    answers = [str(n) for n in range(40)]
    traces = put(store, [*answers[:25], "stop", *answers[25:]])
    judge, again = Stopping(), Counting()
    with pytest.raises(KeyboardInterrupt):
        score(store, traces, judge, workers=workers)
    kept = stored(store, traces)
    assert 10 < len(kept) < len(traces)
    found = score(store, traces, again, workers=workers)
    assert set(again.asked) == {t.answer for t in traces if t.id not in kept}
    assert len(again.asked) == len(traces) - len(kept)
    assert all(found[key] == scores for key, scores in kept.items())


class Interrupted(Counting):
    """Is interrupted from outside while another answer is being scored."""

    def _score(self, *, response, context):
        time.sleep(0.6 if response == "slow" else 0.2)
        if response == "interrupts":
            os.kill(os.getpid(), signal.SIGINT)
        return super()._score(response=response, context=context)


def test_what_was_under_way_at_an_interrupt_is_not_paid_for_again(store):
    traces = put(store, ["slow", "interrupts"])
    judge = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        score(store, traces, judge, workers=Workers(2))
    assert sorted(judge.asked) == ["interrupts", "slow"]
    assert set(stored(store, traces)) == {"t0", "t1"}


class Elsewhere(Counting):
    """Is another version where it runs."""

    def evaluate_many(self, rows):
        return [Score(self.name, "0") for _ in rows]


def test_what_cannot_be_right_is_refused(store):
    traces = put(store, ["a"])
    with pytest.raises(InputError, match="two evaluators are called counting"):
        score(store, traces, Counting(), Counting("2"))
    with pytest.raises(EvaluationError, match=r"counting 1: a worker answered as counting 0; have"):
        score(store, traces, Elsewhere())
    assert stored(store, traces) == {}


def test_what_an_input_is_made_of(store):
    """Everything that an evaluator may score by can be hashed, and tells inputs apart."""
    one = Answered(ASK, ("c",), "<tool_call>\n{}</tool_call>", Expected(refuse=True))
    two = Answered(ASK, ("c",), "<tool_call>\n{}</tool_call>", Expected(refuse=False))
    put(store, ["x", "x"])
    evaluators = [evaluator(name) for name in EVALUATORS]
    pages = [{"t0": one, "t1": two}]
    found = list(
        score_answers(store, "trace", pages, evaluators, workers=Workers(), actor="ana", now=NOW)
    )
    assert {key for some in found for key in some} == {"t0", "t1"}
    with store.reading() as tx:
        assert find_by_input(tx, ["no such hash"]) == {}


_numbers = count()


@given(
    answers=st.lists(st.sampled_from("abcdefg"), max_size=25),
    known=st.sets(st.integers(0, 24)),
    page=st.integers(1, 10),
    threads=st.integers(1, 3),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_scored_as_if_one_by_one(store, answers, known, page, threads):
    number = next(_numbers)
    traces = put(store, answers, f"x{number}-")
    version = str(number)
    score(store, [t for n, t in enumerate(traces) if n in known], Counting(version))
    before = {answers[n] for n in known if n < len(answers)}
    judge = Counting(version)
    pages = [
        {t.id: Answered.of(t) for t in traces[start : start + page]}
        for start in range(0, len(traces), page)
    ]
    found = {}
    for some in score_answers(
        store, "trace", pages, [judge], workers=Workers(threads), actor="ana", now=NOW
    ):
        assert not set(some) & set(found)
        found |= some
    assert {k: s["counting"].value for k, s in found.items()} == {t.id: 0.5 for t in traces}
    assert sorted(judge.asked) == sorted(set(answers) - before)
    assert stored(store, traces) == found
