import json
from datetime import UTC, datetime

import pytest

from trueup.cli import _eval_probe as probe
from trueup.cli import replay as command
from trueup.errors import InputError, UnknownName
from trueup.models import folder_hash
from trueup.queues import AnnotationQueue
from trueup.release.over_refusals import requests_of
from trueup.release.replay import replay
from trueup.store import Store
from trueup.store.runs import put_checkpoint
from trueup.store.traces import list_traces, put_trace
from trueup.types import Checkpoint, Completion, Score, Trace

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SAID = {"baseline": "Yes, it is covered.", "candidate": "I'm sorry, but I can't help with that."}


@pytest.fixture
def store(new_store, tmp_path, monkeypatch):
    """A store with traffic, and two checkpoints that answered it."""
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TRUEUP_ACTOR", "ana")
    traces = [
        Trace(f"t{n}", f"c{n}", "hail", ({"role": "user", "content": f"Is {n} covered?"},), "Yes.")
        for n in range(6)
    ]
    with Store.open(new_store(tmp_path / "store")) as opened:
        with opened.transaction() as tx:
            for trace in traces:
                put_trace(tx, trace, source="app", checkpoint_id=None, actor="ana", now=NOW)
            for name in SAID:
                checkpoint = Checkpoint(f"{name}-0001", f"/m/{name}", name[0] * 64, name)
                put_checkpoint(tx, checkpoint, "ana", NOW)
        yield opened


def replayed(store, name, said):
    with store.reading() as tx:
        asked = requests_of(list_traces(tx))

    def score(*, answer, **_):
        label = "full" if answer == SAID["candidate"] else "none"
        return {"refusal": Score("refusal", "1", None, label)}

    replay(
        store,
        f"{name}-0001",
        asked,
        suite="traces",
        sample=lambda prompts: [Completion(said(p), 5, "stop", 5) for p in prompts],
        score=score,
        sampling={"seed": 0},
        actor="ana",
        now=NOW,
    )


def told(capsys):
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def pair(store):
    replayed(store, "baseline", lambda _: SAID["baseline"])
    replayed(
        store,
        "candidate",
        lambda p: SAID["candidate" if p[0]["content"][3] in "14" else "baseline"],
    )
    return "baseline-0001", "candidate-0001"


def test_new_refusals_are_shown_and_queued_once(store, pair, capsys):
    command.over_refusals(*pair, as_json=True)
    found = told(capsys)
    assert [one["request"] for one in found["found"]] == ["t1", "t4"]
    assert found["added"] is None
    AnnotationQueue.create("refusals", store=store)
    command.over_refusals(*pair, queue="refusals")
    shown = capsys.readouterr().out
    assert "refusals: 2 items added, 0 there already" in shown
    assert "Yes, it is covered." in shown
    command.over_refusals(*pair, queue="refusals", as_json=True)
    assert told(capsys)["added"]["there_already"] == 2
    assert {i.trace_id for i in AnnotationQueue.get("refusals", store=store).items()} == {
        "t1",
        "t4",
    }


def test_no_new_refusals_are_no_error(store, pair, capsys):
    AnnotationQueue.create("refusals", store=store)
    command.over_refusals(pair[1], pair[0], queue="refusals", as_json=True)
    found = told(capsys)
    assert (found["found"], found["added"]) == ([], None)
    assert found["left_out"] == {}
    command.over_refusals(pair[1], pair[0])
    assert "baseline-0001 refuses nothing that candidate-0001 answered" in capsys.readouterr().out


def test_a_queue_that_is_not_there_is_named(pair):
    with pytest.raises(UnknownName, match="no queue 'refusals'"):
        command.over_refusals(*pair, queue="refusals")


def test_answers_of_two_replays_are_compared_by_a_probe(pair, capsys):
    probe.probe("reward_hacking", replays=pair, as_json=True)
    changes = {c["measure"]: c for c in told(capsys)["changes"] if c["cohort"] == "hail"}
    length = changes["length"]["difference"]
    assert (length["n"], length["clusters"], length["gains"]) == (6, 6, 2)
    assert "right" not in changes  # nobody knows


def test_traces_are_replayed_on_a_checkpoint(store, tiny_model_dir, capsys):
    digest = folder_hash(tiny_model_dir)
    with store.transaction() as tx:
        put_checkpoint(tx, Checkpoint("tiny-0001", str(tiny_model_dir), digest, "base"), "ana", NOW)
    command.run(("tiny-0001",), limit=3, max_new_tokens=4, as_json=True)
    [made] = told(capsys)
    assert (made["checkpoint"], made["suite"], made["requests"]) == ("tiny-0001", "traces", 3)
    command.run(("tiny-0001",), limit=3, max_new_tokens=4)
    assert made["replay"] in capsys.readouterr().out
    with pytest.raises(UnknownName, match="no cohort 'snow'"):
        command.run(("tiny-0001",), cohort="snow")
    with pytest.raises(InputError, match="has no such traces"):
        command.run(("tiny-0001",), source="elsewhere")
