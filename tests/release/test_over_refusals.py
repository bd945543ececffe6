from dataclasses import replace
from datetime import UTC, datetime

import pytest

from trueup.errors import GateError, QueueEmpty
from trueup.queues import AnnotationQueue, Submission
from trueup.release.over_refusals import new_refusals, queue_refusals, requests_of
from trueup.store.scores import get_scores
from trueup.store.traces import get_trace, put_trace
from trueup.types import Label, Trace

from .conftest import requests

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def answers(refused):
    return lambda request: "refused" if request.id in refused else "right"


def queued(store, refusals, queue):
    return queue_refusals(store, refusals, queue, actor="ana", now=NOW)


@pytest.fixture
def queue(store):
    return AnnotationQueue.create("refusals", overlap=1, store=store, actor="ana", now=NOW)


def test_what_the_baseline_answered_and_the_candidate_refuses(play):
    baseline = play("baseline", answers({"rest-000"}))
    candidate = play("candidate", answers({"rest-000", "rest-001", "rest-007", "tool-heavy-003"}))
    found = new_refusals(baseline, candidate)
    assert [r.candidate.request.id for r in found.found] == ["rest-001", "tool-heavy-003"]
    assert {(r.baseline.text, r.candidate.text, r.label) for r in found.found} == {
        ("right", "refused", "full")
    }
    assert found.left_out == {"it ought to be refused": 1, "the baseline refuses it too": 1}
    assert (found.baseline, found.candidate) == ("baseline-0001", "candidate-0001")


def test_what_is_not_known_of_a_request_is_for_people(play):
    asked = [replace(request, expected=None) for request in requests(n=8)]
    baseline = play("baseline", answers(()), asked)
    found = new_refusals(baseline, play("candidate", answers({"rest-007"}), asked))
    assert [r.candidate.request.id for r in found.found] == ["rest-007"]


def test_answers_without_a_score_are_counted(play):
    def broken(request):
        return "broken" if request.id == "rest-002" else "right"

    def unscored(replayed):
        scores = {key: {} for key in replayed.scores}
        return replace(replayed, scores=scores)

    baseline = play("baseline", broken)
    candidate = play("candidate", answers({"rest-001", "rest-002"}))
    found = new_refusals(unscored(baseline), candidate)
    assert found.left_out == {"the baseline's answer was not scored": 2}
    found = new_refusals(baseline, unscored(candidate))
    assert found.left_out == {"the candidate's answer was not scored": 128}


def test_replays_of_other_requests_are_refused(play):
    other = play("candidate", answers(()), requests(n=8))
    with pytest.raises(GateError, match="are of other requests"):
        new_refusals(play("baseline", answers(())), other)


def test_they_are_queued_once_with_both_answers_and_where_they_came_from(store, play, queue):
    baseline = play("baseline", answers(()))
    refusals = new_refusals(baseline, play("candidate", answers({"rest-001", "tool-heavy-003"})))
    added = queued(store, refusals, queue)
    assert (added.items, added.there_already) == (2, 0)
    again = queued(store, refusals, queue)
    assert (again.items, again.there_already) == (0, 2)
    items = queue.items()
    assert len(items) == 2
    for item in items:
        assert {a.source: a.text for a in item.answers} == {
            "baseline": "right",
            "candidate": "refused",
        }
        assert item.reason == "over_refusal:candidate-0001"
        with store.reading() as tx:
            trace = get_trace(tx, item.trace_id)
            scores = get_scores(tx, "trace", [trace.id])[trace.id]
        assert (trace.answer, trace.model, trace.cohort) == ("right", "baseline-0001", item.cohort)
        assert scores["refusal"].label == "none"
        assert scores["task_completion"].value == 1.0


def test_more_refusals_of_a_later_candidate_are_added(store, play, queue):
    baseline = play("baseline", answers(()))
    queued(store, new_refusals(baseline, play("candidate", answers({"rest-001"}))), queue)
    later = new_refusals(baseline, play("control", answers({"rest-001", "rest-002"})))
    added = queued(store, later, queue)
    # the same request with the same two answers is the same question to a reviewer
    assert (added.items, added.there_already) == (1, 1)


def test_real_traffic_hangs_on_its_own_traces(store, play, queue):
    traces = [
        Trace(
            f"t{n}",
            f"talk-{n}",
            "long-tail",
            ({"role": "user", "content": f"What about {n}?"},),
            "served then",
            context=("The policy.",),
        )
        for n in range(4)
    ]
    with store.transaction() as tx:
        for trace in traces:
            put_trace(tx, trace, source="app", checkpoint_id=None, actor="ana", now=NOW)
    asked = requests_of(traces)
    assert [(r.id, r.family, r.context) for r in asked][:1] == [("t0", "talk-0", ("The policy.",))]
    baseline = play("baseline", answers(()), asked)
    found = new_refusals(baseline, play("candidate", answers({"t1", "t3"}), asked))
    queued(store, found, queue)
    items = {item.trace_id: item for item in queue.items()}
    assert set(items) == {"t1", "t3"}
    assert items["t1"].conversation_id == "talk-1"
    assert items["t1"].context == ("The policy.",)
    # what stands in the store under that id with another text is another request
    other = [
        replace(r, messages=({"role": "user", "content": f"Other than {r.id}?"},)) for r in asked
    ]
    baseline = play("baseline", answers(()), other)
    found = new_refusals(baseline, play("candidate", answers({"t1"}), other))
    queued(store, found, queue)
    assert len({item.trace_id for item in queue.items()} - {"t1", "t3"}) == 1


def test_labels_on_them_become_preferences(store, play, queue):
    baseline = play("baseline", answers(()))
    queued(store, new_refusals(baseline, play("candidate", answers({"rest-001"}))), queue)
    [item] = queue.items()
    better = item.answer("baseline").key
    queue.submit_many([Submission(item.id, "bob", Label(better, 3))])
    [made] = queue.export()
    assert (made.chosen, made.rejected, made.origin) == ("right", "refused", "given")


def test_none_at_all_is_said(store, play, queue):
    same = new_refusals(play("baseline", answers(())), play("candidate", answers(())))
    with pytest.raises(QueueEmpty, match="candidate-0001 refuses nothing that baseline"):
        queued(store, same, queue)
    assert queue.items() == []
