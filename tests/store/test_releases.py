from datetime import UTC, datetime, timedelta

import pytest

from trueup.errors import UnknownName
from trueup.store.releases import (
    Replay,
    Request,
    get_replay,
    get_replay_answers,
    get_verdict,
    list_replays,
    list_verdicts,
    put_replay,
    put_replay_answers,
    put_verdict,
    suite_hash,
)
from trueup.store.runs import put_checkpoint
from trueup.types import AnyOf, Checkpoint, Completion, Expected, ToolCall, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REQUESTS = [
    Request(
        "q1",
        "tool-heavy",
        "water",
        "refund",
        ({"role": "user", "content": "Refund me."},),
        ("Refunds after look-up.",),
        Expected(calls=(ToolCall("lookup", {"id": AnyOf("C-1", "c1")}),), refuse=False),
    ),
    Request("q2", "rest", "fire", "", ({"role": "user", "content": "Hi 🚒"},)),
]
ANSWERS = [Completion("One.", 2, "stop", 30), Completion("Two", 40, "length", 10)]


@pytest.fixture
def store(store):
    with store.transaction() as tx:
        for name in ("base", "cand"):
            put_checkpoint(tx, Checkpoint(name + "-0001", "/m", "f" * 64, name), "ana", NOW)
            replay = Replay(
                f"replay-{name}", name + "-0001", "held-out", suite_hash(REQUESTS), {"seed": 1}
            )
            assert put_replay(tx, replay, "ana", NOW)
    return store


def verdict(key: str, outcome: str = "ship") -> Verdict:
    return Verdict(
        key, outcome, "base-0001", "cand-0001", ("why",), ({"cohort": "rest"},), {"alpha": 0.05}
    )


def test_answers_come_back_with_their_requests(store):
    with store.transaction() as tx:
        pairs = list(zip(REQUESTS, ANSWERS, strict=True))
        ids = put_replay_answers(tx, "replay-base", pairs, "ana", NOW)
        assert put_replay_answers(tx, "replay-base", pairs, "ben", NOW) == ids
        found = get_replay_answers(tx, "replay-base")
        assert get_replay_answers(tx, "replay-cand") == []
    assert [a.request for a in found] == REQUESTS
    assert [a.id for a in found] == ids
    assert [(a.text, a.tokens, a.finish_reason) for a in found] == [
        ("One.", 2, "stop"),
        ("Two", 40, "length"),
    ]


def test_the_suite_hash_reads_content_and_not_order():
    assert suite_hash(REQUESTS) == suite_hash(REQUESTS[::-1])
    assert suite_hash(REQUESTS) != suite_hash(REQUESTS[:1])


def test_replays_by_id_and_by_checkpoint(store):
    with store.reading() as tx:
        assert get_replay(tx, "replay-b").checkpoint_id == "base-0001"
        assert [r.id for r in list_replays(tx, "cand-0001")] == ["replay-cand"]
        assert len(list_replays(tx)) == 2


def test_verdicts_newest_first_and_by_candidate(store):
    with store.transaction() as tx:
        for offset, key in enumerate(("verdict-1", "verdict-2")):
            for _ in range(2):
                put_verdict(
                    tx,
                    verdict(key, "block" if offset else "ship"),
                    baseline_replay_id="replay-base",
                    candidate_replay_id="replay-cand",
                    actor="ana",
                    now=NOW + timedelta(seconds=offset),
                )
        assert get_verdict(tx, "verdict-1") == verdict("verdict-1")
        assert [v.id for v in list_verdicts(tx)] == ["verdict-2", "verdict-1"]
        assert [v.id for v in list_verdicts(tx, "cand-0001")] == ["verdict-2", "verdict-1"]
        assert list_verdicts(tx, "base-0001") == []
        with pytest.raises(UnknownName, match="verdict 'nothing'"):
            get_verdict(tx, "nothing")
