"""Queues made, configured and filled, and rows in and out, by command."""

import json
from datetime import UTC, datetime

import pytest

from trueup.cli import main
from trueup.datasets import Dataset
from trueup.queues import AnnotationQueue, parse_questions, spell_questions
from trueup.store import Store
from trueup.store.scores import put_scores
from trueup.store.traces import put_trace
from trueup.traces import build_trace
from trueup.types import Label, Question, Score

NOW = datetime(2026, 3, 1, tzinfo=UTC)
QUESTIONS = """
[[question]]
name = "preference"
kind = "preference"
title = "Which is better?"
required = true

[[question]]
name = "tone"
kind = "choice"
options = ["warm", "cold"]

[[question]]
name = "stars"
kind = "rating"
low = 1
high = 7
"""


@pytest.fixture
def folder(new_store, tmp_path, monkeypatch):
    """A store with four traces, half of them failed, and nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TRUEUP_ACTOR", "ana")
    with Store.open(new_store(tmp_path / "store")) as store, store.transaction() as tx:
        for i in range(4):
            made = build_trace(
                id=f"t{i}",
                messages=[{"role": "user", "content": f"Is pipe {i} wet?"}],
                answer=f"It is, {i}.",
                cohort=("tool-heavy", "expert-hard")[i % 2],
            )
            put_trace(tx, made, source="test", checkpoint_id=None, actor="ana", now=NOW)
            score = Score("groundedness", "1", 0.1 if i < 2 else 0.9)
            put_scores(tx, "trace", [(made.id, score)], "ana", NOW)
    return tmp_path


def run(*arguments, code=0):
    with pytest.raises(SystemExit) as stopped:
        main(["queue", *map(str, arguments)])
    assert stopped.value.code == code


def queue(name="q"):
    return AnnotationQueue.get(name, store=Store.open())


def test_a_queue_is_made_and_set(folder, capsys):
    (folder / "asked.toml").write_text(QUESTIONS)
    (folder / "guide.md").write_text("Prefer what is **true**.")
    options = ("--reviewers", "ana", "--reviewers", "ben", "--assignment", "round_robin")
    run("create", "q", "--overlap", 2, "--questions", "asked.toml", *options, "--json")
    made = json.loads(capsys.readouterr().out)
    assert (made["overlap"], made["reviewers"]) == (2, ["ana", "ben"])
    assert [q["name"] for q in made["questions"]] == ["preference", "tone", "stars"]
    run("set", "q", "--state", "paused", "--guidelines", "guide.md", "--no-safety", "--teams", "n")
    assert "version 1" in capsys.readouterr().out
    found = queue()
    assert (found.state, found.settings.teams) == ("paused", ("n",))
    assert found.settings.reviewers == ("ana", "ben"), "what is left out stays"
    assert found.guidelines()[0].text == "Prefer what is **true**."
    run("set", "q", "--empty-teams")
    assert queue().settings.teams == ()
    run("set", "q", code=1)
    assert "nothing is to change" in capsys.readouterr().err
    run("create", "q", code=1)
    assert "queue q exists" in capsys.readouterr().err
    run("create", "r", "--questions", "asked.toml", "--label", "x", code=1)
    run("create", "r", "--questions", "none.toml", code=1)
    assert "cannot read none.toml" in capsys.readouterr().err
    run("create", "r", "--label", "polite")
    assert queue("r").labels == ("polite",)


def test_a_schema_is_read_back_as_it_is_spelt():
    asked = (
        Question("preference", "preference", 'Which is "better"?', required=True),
        Question("tone", "choice", "a\\b \x7f \n ü", ("warm", "co,ld")),
        Question("stars", "rating", low=-0.5, high=1e6),
    )
    assert parse_questions(spell_questions(asked)) == asked
    as_json = json.dumps([{"name": "tone", "kind": "choice", "options": ["a", "b"]}])
    assert parse_questions(as_json) == (Question("tone", "choice", options=("a", "b")),)


def test_items_come_from_traces_spans_rows_and_records(folder, capsys):
    run("create", "q", "--overlap", 1)
    run("add", "q", "--traces", "--failed-by", "groundedness", "--cohort", "tool-heavy")
    assert "q: 1 items added, 0 there already" in capsys.readouterr().out
    run("add", "q", "--traces", "--failed", "--json")
    added = json.loads(capsys.readouterr().out)
    assert (added["items"], added["left_out"]) == (1, {"not failed": 2})
    for item in queue().items():
        queue().submit(item.id, "ana", Label("a", 1), now=NOW)
    run("export", "q", "--format", "unpaired", "--dataset", "d", "--version", "v1")
    for name, options in {
        "s": ("--spans", "chat", "--sample", 3),
        "r": ("--rows", "d@v1", "--split", "train", "--alone"),
    }.items():
        run("create", name)
        run("add", name, *options)
    assert len(queue("s").items()) == 3
    assert {item.inclusion for item in queue("s").items()} == {0.75}
    assert len(queue("r").items()) == len(
        Dataset.get("d", "v1", store=Store.open()).rows(split="train")
    )
    lines = [{"prompt": "Wet?", "answers": ["Yes.", "No."]}, {"prompt": "Dry?", "answers": 3}]
    (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run("create", "p")
    run("add", "p", "--records", "records.jsonl", code=1)
    assert "record 2: answers is neither a list" in capsys.readouterr().err
    run("add", "p", "--records", "records.jsonl", "--skip-bad")
    assert "record 2: answers" in capsys.readouterr().out
    assert len(queue("p").items()) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give one of --traces"),
        (("--traces", "--rows", "d"), "give one of --traces"),
        (("--traces", "--alone"), "--alone does not go with --traces"),
        (("--records", "x", "--failed"), "--failed does not go with --records"),
        (("--traces", "--failed-by", "luck"), "luck"),
        (("--traces", "--cohort", "none"), "no trace of cohort 'none'"),
        (("--rows", "none"), "no dataset none"),
        (("--records", "none.jsonl"), "cannot read none.jsonl"),
    ],
)
def test_what_cannot_be_added_is_one_line(folder, capsys, options, said):
    run("create", "q")
    capsys.readouterr()
    run("add", "q", *options, code=1)
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


@pytest.fixture
def labelled(folder):
    """Two items with two answers each, the first labelled by two people a month apart."""
    run("create", "q", "--overlap", 2)
    found = queue()
    found.add_records([{"prompt": f"{i}?", "answers": ["Yes.", "No."]} for i in range(2)])
    first, second = found.items()
    april = datetime(2026, 4, 1, tzinfo=UTC)
    found.submit(first.id, "ana", Label("a", 2, ("wrong_tool",)), now=NOW)
    found.submit(first.id, "ben", Label("a", 1, ("wrong_tool",)), now=april)
    found.submit(second.id, "ben", Label("b", 1), simulated=True, now=april)
    return folder


def test_rows_are_written_with_every_filter(labelled, capsys):
    run("export", "q", "--out", "all.jsonl", "--json")
    whole = json.loads(capsys.readouterr().out)
    assert (whole["rows"], whole["file"], whole["format"]) == (2, "all.jsonl", "paired")
    for options, rows in {
        ("--reviewer", "ana"): 1,
        ("--exclude-reviewer", "ben"): 1,
        ("--label", "wrong_tool"): 1,
        ("--cohort", "imported"): 2,
        ("--until", "2026-03-15"): 1,
        ("--since", "2026-03-15T00:00+02:00"): 2,
        ("--no-simulated",): 1,
        ("--min-agreement", "0.9"): 1,
        ("--format", "unpaired", "--shape", "plain"): 4,
        ("--format", "ranked"): 2,
    }.items():
        run("export", "q", "--out", "some.jsonl", "--force", *options, "--json")
        assert json.loads(capsys.readouterr().out)["rows"] == rows, options
    run("export", "q", "--format", "reward", "--head", "tone", "--out", "r.parquet")
    assert "q: 2 reward rows of stream reviewer, some labels simulated, in r.parquet" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--reviewer", "ana"), "--reviewer is for a file of rows: give --out FILE"),
        (("--format", "step"), "format 'step' is for a file of rows: give --out FILE"),
        (
            ("--format", "ranked", "--dataset", "d", "--version", "v", "--out", "x.jsonl"),
            "leave out --dataset",
        ),
        (("--since", "spring", "--out", "x.jsonl"), "--since is 'spring'; give a time"),
        (("--out", "x.txt"), "its name ends in none of .jsonl, .parquet, .csv"),
        (("--for-labelling", "f", "--cohort", "x"), "leave out --out"),
        (("--format", "step", "--out", "x.jsonl"), "asks about no steps"),
        (("--cohort", "none", "--out", "x.jsonl"), "no item gives a paired row"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_no_file(labelled, capsys, options, said):
    run("export", "q", *options, code=1)
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not list(labelled.glob("x.*"))


def test_labels_of_other_tools_come_in(folder, capsys):
    run("create", "q", "--overlap", 2)
    task = {
        "data": {"prompt": "Wet?", "text1": "Yes.", "text2": "No."},
        "annotations": [
            {
                "completed_by": 7,
                "result": [
                    {
                        "from_name": "better",
                        "to_name": "text1,text2",
                        "type": "pairwise",
                        "value": {"selected": "left"},
                    },
                    {
                        "from_name": "mood",
                        "to_name": "text1",
                        "type": "choices",
                        "value": {"choices": ["x"]},
                    },
                ],
            }
        ],
    }
    (folder / "tasks.json").write_text(json.dumps([task]))
    arguments = ("import", "q", "tasks.json", "--source", "label_studio")
    run(*arguments, code=1)
    assert "does not ask 'better'" in capsys.readouterr().err
    run(*arguments, "--question", "better", code=1)
    assert "--question is 'better'; give THEIRS=OURS" in capsys.readouterr().err
    run(*arguments, "--question", "better=preference", "--question", "mood=")
    assert "q: 1 labels added (0 of them corrections), 0 unchanged" in capsys.readouterr().out
    run(*arguments, "--question", "better=preference", "--question", "mood=", "--json")
    assert json.loads(capsys.readouterr().out)["unchanged"] == 1
    [given] = queue().annotations()
    assert (given.reviewer, given.label.preferred) == ("7", "a")
