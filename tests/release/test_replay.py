from datetime import UTC, datetime, timedelta

import pytest

from trueup.errors import GateError, UnknownName
from trueup.release.replay import Request, find_replays, load_replay, replay
from trueup.store.releases import list_replays
from trueup.types import Completion, Score

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REQUESTS = [
    Request(f"q{i}", "rest", f"f{i % 3}", "", ({"role": "user", "content": f"q{i}"},))
    for i in range(7)
]


def score(**_kwargs):
    return {"task_completion": Score("task_completion", "1", 1.0)}


class Model:
    """Counts what it is asked, and can die after some calls."""

    def __init__(self, calls: int = 99) -> None:
        self.asked: list[str] = []
        self.left = calls

    def __call__(self, prompts):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked += [str(p[0]["content"]) for p in prompts]
        return [Completion("Yes.", 2, "stop", 5) for _ in prompts]


def run(store, model, requests=REQUESTS, **kwargs):
    options = {"suite": "held-out", "sampling": {"seed": 1}, "batch": 2} | kwargs
    return replay(
        store,
        "baseline-0001",
        requests,
        sample=model,
        score=score,
        actor="ana",
        now=NOW,
        **options,
    )


def test_each_request_is_answered_and_scored(store):
    seen = []
    found = run(store, Model(), progress=lambda done, total: seen.append((done, total)))
    assert [found.answers[r.id].request for r in REQUESTS] == REQUESTS
    assert {s["task_completion"].value for s in found.scores.values()} == {1.0}
    assert seen == [(0, 7), (2, 7), (4, 7), (6, 7), (7, 7)]


def test_a_cut_replay_goes_on_where_it_stopped(store):
    first = Model(calls=2)
    with pytest.raises(KeyboardInterrupt):
        run(store, first)
    with store.reading() as tx:
        (cut,) = list_replays(tx)
        with pytest.raises(GateError, match="unfinished \\(4 answers"):
            load_replay(tx, cut.id)
    second = Model()
    found = run(store, second)
    assert found.replay.id == cut.id
    assert first.asked + second.asked == [r.id for r in REQUESTS]
    again = Model()
    assert run(store, again) == found
    assert again.asked == []


def test_answers_without_scores_are_scored(store):
    def broken(**_kwargs):
        return {}

    replay(
        store,
        "baseline-0001",
        REQUESTS,
        suite="held-out",
        sample=Model(),
        score=broken,
        sampling={"seed": 1},
        actor="ana",
        now=NOW,
    )
    model = Model()
    found = run(store, model)
    assert model.asked == []
    assert all("task_completion" in s for s in found.scores.values())


def test_answers_that_another_version_scored_are_scored_again(store):
    run(store, Model())
    model = Model()
    found = replay(
        store,
        "baseline-0001",
        REQUESTS,
        suite="held-out",
        sample=model,
        score=lambda **_: {"task_completion": Score("task_completion", "2", 0.5)},
        sampling={"seed": 1},
        actor="ana",
        now=NOW + timedelta(days=90),
    )
    assert model.asked == []
    assert {
        (s["task_completion"].version, s["task_completion"].value) for s in found.scores.values()
    } == {("2", 0.5)}


def test_other_requests_or_sampling_make_another_replay(store):
    keys = {
        run(store, Model()).replay.id,
        run(store, Model(), REQUESTS[:3]).replay.id,
        run(store, Model(), sampling={"seed": 2}).replay.id,
    }
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("requests", "said"), [([], "no requests"), ([REQUESTS[0]] * 2, "'q0' occurs twice")]
)
def test_suites_that_make_no_sense_are_refused(store, requests, said):
    with pytest.raises(GateError, match=said):
        run(store, Model(), requests)


def test_replays_in_common_are_found(store, play):
    first = play("baseline", lambda _: "right", sampling=1)
    play("baseline", lambda _: "right", sampling=2)
    second = play("candidate", lambda _: "right", sampling=1)
    with store.reading() as tx:
        assert find_replays(tx, ["baseline-0001", "candid"]) == [
            first.replay.id,
            second.replay.id,
        ]
        with pytest.raises(GateError, match="control-0001 was never replayed"):
            find_replays(tx, ["baseline-0001", "control-0001"])
        with pytest.raises(UnknownName):
            find_replays(tx, ["nobody-knows"])
    play("control", lambda _: "right", sampling=3)
    with store.reading() as tx, pytest.raises(GateError, match="not replayed on the same"):
        find_replays(tx, ["baseline-0001", "control-0001"])
