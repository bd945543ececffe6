"""Rows that a judge scores: what it said once is not asked again, in any trace or dataset."""

from datetime import UTC, datetime

import pytest

from judging import error, parts
from trueup.evals import Groundedness, evaluate_traces
from trueup.models import Judge
from trueup.scoring import Workers
from trueup.store.traces import put_trace
from trueup.types import Trace

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def put(store, prefix, count):
    turns = ({"role": "user", "content": "Is it covered?"},)
    traces = [
        Trace(f"{prefix}{n}", "c", "a", turns, f"Hail is covered {n}.", context=("Hail is.",))
        for n in range(count)
    ]
    with store.transaction() as tx:
        for trace in traces:
            put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
    return traces


def test_a_verdict_is_paid_for_once_and_a_fault_is_asked_again(judge_server, store):
    judge = Judge("j", base_url=judge_server.url, retries=0, prices=(1.0, 1.0))

    def score(traces, **more):
        grounded = Groundedness(backend=judge)
        found = evaluate_traces(store, traces, [grounded], actor="ana", now=NOW, **more)
        return [scores["groundedness"] for scores in found.values()]

    judge_server.script = [error(500, "down")] * 2
    judge_server.otherwise = lambda _: parts("supported")
    traces = put(store, "t", 8)
    assert [score.broke for score in score(traces)].count(True) == 2
    asked = len(judge_server.asked)
    assert [score.value for score in score(traces, workers=Workers(3))] == [1.0] * 8
    assert len(judge_server.asked) == asked + 2

    copies = score(put(store, "u", 8), workers=Workers(2, processes=True))
    assert [(score.value, score.cost) for score in copies] == [(1.0, None)] * 8
    assert len(judge_server.asked) == asked + 2
    score(put(store, "v", 9))
    assert len(judge_server.asked) == asked + 3
