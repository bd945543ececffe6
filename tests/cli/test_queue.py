import json
from datetime import UTC, datetime

import pytest

from trueup.cli import main
from trueup.datasets import Dataset
from trueup.queues import AnnotationQueue, NewItem, Submission
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Label, Trace

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(new_store, tmp_path, monkeypatch):
    """A store with a queue of four items, of which two are labelled by ann and bob."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "store"))
    turns = ({"role": "user", "content": "Is it covered?"},)
    traces = [
        Trace(f"t{i}", f"c{i}", "tool-heavy", turns, f"served {i}", question_type=f"kind {i % 2}")
        for i in range(4)
    ]
    with Store.open(new_store(tmp_path / "store")) as store:
        with store.transaction() as tx:
            for trace in traces:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
        queue = AnnotationQueue.create("prefs", store=store)
        queue.add_items([NewItem.from_trace(t, reason="sampled", candidate="x") for t in traces])
        for item in queue.items():
            if item.trace_id in ("t0", "t1"):
                source = {"t0": "sampled", "t1": "served"}[item.trace_id]
                label = Label(item.answer(source).key, 1)
                queue.submit_many([Submission(item.id, who, label) for who in ("ann", "bob")])
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["queue", *map(str, arguments)])
    return stopped.value.code


def test_list_and_stats_show_what_there_is(folder, capsys):
    assert run("list") == 0
    assert "prefs" in capsys.readouterr().out
    assert run("list", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["annotations"] == 4
    assert run("stats", "prefs") == 0
    shown = capsys.readouterr().out
    assert "4 (0 done, 2 started)" in shown
    assert "ann" in shown
    assert run("stats", "prefs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reviewers"] == {"ann": 2, "bob": 2}


def test_an_unknown_queue_or_store_is_a_one_line_error(folder, capsys):
    assert run("stats", "nope") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert run("list", "--store", folder / "none") == 1
    assert "no store at" in capsys.readouterr().err


def test_audit_exits_by_the_line(folder, capsys):
    assert run("audit", "prefs") == 0
    assert "1.000" in capsys.readouterr().out
    assert run("audit", "prefs", "--min-alpha", "1.1", "--json") == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["passed"] is False
    assert captured.err.startswith("error: queue prefs: alpha is 1.00")
    assert captured.err.count("\n") == 1


def test_an_export_tells_of_an_audit_that_failed_last(folder, capsys):
    assert run("export", "prefs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["last_audit"] is None
    run("audit", "prefs", "--min-alpha", "1.1")
    capsys.readouterr()
    assert run("export", "prefs") == 0
    assert "failed its last audit: alpha was 1.00, and the line 1.10" in capsys.readouterr().out
    run("audit", "prefs")
    capsys.readouterr()
    assert run("export", "prefs") == 0
    assert "audit" not in capsys.readouterr().out
    assert run("export", "prefs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["last_audit"]["passed"] is True


def test_preferences_go_to_a_file_and_a_dataset(folder, capsys):
    arguments = ("export", "prefs", "--min-agreement", "0.7", "--dataset", "d", "--version", "v1")
    assert run(*arguments, "--out", "p.jsonl") == 0
    shown = capsys.readouterr().out
    assert "2 paired preferences of stream reviewer" in shown
    assert "left out: 2 (no labels)" in shown
    assert len((folder / "p.jsonl").read_text().splitlines()) == 2
    with Store.open() as store:
        assert len(Dataset.get("d", "v1", store=store)) == 2
    assert run(*arguments, "--out", "p.jsonl") == 1
    assert "p.jsonl exists" in capsys.readouterr().err
    assert run(*arguments, "--out", "p.jsonl", "--force", "--json") == 0
    assert json.loads(capsys.readouterr().out)["preferences"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dataset", "d"),
        ("--version", "v1"),
        ("--for-labelling", "f", "--out", "o"),
        ("--for-labelling", "f", "--min-agreement", "0.5"),
        ("--for-labelling", "f", "--no-simulated"),
    ],
)
def test_options_that_do_not_go_together_are_refused(folder, capsys, arguments):
    assert run("export", "prefs", *arguments) == 1
    assert "error: " in capsys.readouterr().err
    assert not (folder / "f").exists()


def test_an_export_that_fails_leaves_no_file(folder, capsys):
    assert run("export", "prefs", "--dataset", "x/y", "--version", "v1", "--out", "q.jsonl") == 1
    assert not (folder / "q.jsonl").exists()
    (folder / "q.jsonl").write_text("mine")
    assert run("export", "prefs", "--dataset", "d", "--version", "v1", "--out", "q.jsonl") == 1
    assert "q.jsonl exists" in capsys.readouterr().err
    assert run("export", "prefs", "--dataset", "d", "--version", "v1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["there_already"] == 0, "nothing was added before"


def test_items_go_out_for_labelling_and_labels_come_back(folder, capsys):
    assert run("export", "prefs", "--for-labelling", "items.jsonl") == 0
    assert "4 items written to items.jsonl" in capsys.readouterr().out
    lines = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    for line in lines:
        line["annotations"] = [{"reviewer": "rita", "preferred": "tie"}]
    lines[1]["annotations"][0]["preferred"] = "c"
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "items.jsonl").write_text(text)
    assert run("import-labels", "prefs", "items.jsonl") == 1
    said = capsys.readouterr().err
    assert "items.jsonl line 2: item" in said
    assert "preferred is 'c'; give a, b, tie, neither" in said
    assert run("import-labels", "prefs", "items.jsonl", "--skip-bad") == 0
    shown = capsys.readouterr().out
    assert "items.jsonl line 2: " in shown
    assert "3 labels added (0 of them corrections), 0 unchanged" in shown
    assert run("import-labels", "prefs", "items.jsonl", "--skip-bad", "--json") == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == 3
    assert run("export", "prefs", "--for-labelling", "again.jsonl", "--json") == 0
    assert json.loads(capsys.readouterr().out)["items"] in (2, 3)


def test_an_export_names_its_dataset_or_none(folder, capsys):
    assert run("export", "prefs", "--dataset", "", "--version", "") == 1
    assert "error: dataset ''" in capsys.readouterr().err


def test_agreement_and_activity_are_shown_and_given_as_json(folder, capsys):
    assert run("agreement", "prefs") == 0
    shown = capsys.readouterr().out
    assert "4 on 2 items" in shown
    assert "preference by question type" in shown
    assert run("agreement", "prefs", "--question-type", "kind 1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["items"], found["scope"]) == (1, {"question_type": "kind 1"})
    assert run("agreement", "prefs", "--until", "2020-01-01") == 1
    assert "no label fits" in capsys.readouterr().err
    assert run("activity", "prefs") == 0
    assert "4 items for 8 labels" in capsys.readouterr().out
    assert run("activity", "prefs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["places"] == 8
