from datetime import UTC, datetime, timedelta

import pytest

from trueup.errors import GateError, UnknownName
from trueup.release.replay import Request, find_replays, load_replay, load_replays, replay
from trueup.store.releases import list_replays
from trueup.types import BROKE, Completion, Score

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


def scored_by(store, version, days, *, checkpoint="baseline-0001", names=("task_completion",)):
    """Replay with evaluators of this version, so many days later; how many answers they scored."""
    scored = []

    def score(*, answer, **_):
        scored.append(answer)
        return {name: Score(name, version, 0.5) for name in names}

    found = replay(
        store,
        checkpoint,
        REQUESTS,
        suite="held-out",
        sample=Model(),
        score=score,
        versions=dict.fromkeys(names, version),
        sampling={"seed": 1},
        actor="ana",
        now=NOW + timedelta(days=days),
    )
    return found, len(scored)


def versions_of(replayed):
    return {score.version for scores in replayed.scores.values() for score in scores.values()}


def test_answers_are_scored_again_by_another_version_and_only_then(store):
    first, scored = scored_by(store, "1", 0)
    assert (versions_of(first), scored) == ({"1"}, 7)
    second, scored = scored_by(store, "2", 90)
    assert (versions_of(second), scored) == ({"2"}, 7)
    assert second.answers == first.answers
    again, scored = scored_by(store, "2", 91)
    assert (again, scored) == (second, 0)
    back, scored = scored_by(store, "1", 92)
    assert (versions_of(back), scored) == ({"1"}, 0)


def test_replays_are_compared_by_the_newest_version_that_all_have(store):
    ids = [
        scored_by(store, version, days, checkpoint=name)[0].replay.id
        for name, version, days in (
            ("baseline-0001", "1", 0),
            ("baseline-0001", "2", 1),
            ("candidate-0001", "1", 2),
        )
    ]
    with store.reading() as tx:
        assert [versions_of(one) for one in load_replays(tx, ids[1:])] == [{"1"}, {"1"}]
    scored_by(store, "2", 3, checkpoint="candidate-0001")
    with store.reading() as tx:
        assert [versions_of(one) for one in load_replays(tx, ids[1:])] == [{"2"}, {"2"}]
    scored_by(store, "3", 4)
    scored_by(store, "4", 5, checkpoint="candidate-0001")
    with store.reading() as tx:
        assert [versions_of(one) for one in load_replays(tx, ids[1:])] == [{"2"}, {"2"}]


def test_a_score_that_broke_is_tried_again(store):
    options = {"suite": "held-out", "sampling": {"seed": 1}, "actor": "ana", "sample": Model()}
    for days, value in ((0, None), (1, 1.0)):
        reason = "" if value else f"{BROKE}no answer"

        def score(value=value, reason=reason, **_):
            return {"task_completion": Score("task_completion", "1", value, reason=reason)}

        found = replay(
            store,
            "baseline-0001",
            REQUESTS,
            score=score,
            now=NOW + timedelta(days=days),
            versions={"task_completion": "1"},
            **options,
        )
    assert {scores["task_completion"].value for scores in found.scores.values()} == {1.0}


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
