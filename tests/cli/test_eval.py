import json

import pytest

from trueup.cli import _eval_run, main
from trueup.cli import eval as command
from trueup.cli.trace import import_
from trueup.datasets import Dataset
from trueup.errors import EvaluationError, InputError, UnknownName
from trueup.store import Store


@pytest.fixture
def store(tmp_path):
    question = [{"role": "user", "content": "Is hail covered?"}]
    expected = {"facts": ["Yes"], "refuse": False}
    rows = [
        {"messages": question, "answer": answer, "cohort": cohort, "expected": expected}
        for answer, cohort in [
            ("Yes.", "easy"),
            ("No.", "easy"),
            ("I'm sorry, I can't help with that.", "hard"),
        ]
    ]
    path = tmp_path / "traces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_(path, store=str(tmp_path / "store"))
    return str(tmp_path / "store")


def run(capsys, **given):
    capsys.readouterr()
    command.run(as_json=True, **given)
    return {(r["cohort"], r["evaluator"]): r for r in json.loads(capsys.readouterr().out)}


def test_means_by_cohort_and_evaluator(store, capsys, monkeypatch):
    monkeypatch.setattr(_eval_run, "_PAGE", 2)
    found = run(capsys, store=store, evaluators="task_completion, Refusal")
    assert {key: (row["mean"], row["scored"], row["failed"]) for key, row in found.items()} == {
        ("easy", "refusal"): (1.0, 2, 0),
        ("easy", "task_completion"): (0.5, 2, 1),
        ("hard", "refusal"): (0.0, 1, 1),
        ("hard", "task_completion"): (0.0, 1, 1),
    }
    assert run(capsys, store=store, evaluators="task_completion,refusal") == found


def test_unscored_is_counted_apart(store, capsys):
    (row,) = run(capsys, store=store, evaluators="length_drift", cohorts="easy").values()
    assert (row["mean"], row["scored"], row["unscored"]) == (None, 0, 2)
    assert (row["found"], row["reasons"]) == ({"a measure alone": 2}, {})
    command.run(store=store, evaluators="length_drift")
    said = "length_drift: 3 of 3 without a value, as nothing is expected: 3 a measure alone"
    assert said in capsys.readouterr().out


def test_the_default_evaluators_in_a_table(store, capsys):
    command.run(store=store, cohorts="hard")
    out = capsys.readouterr().out
    assert "groundedness" in out
    assert "easy" not in out
    assert "toxicity" not in out  # scores where it is named


def test_unknown_names_are_refused(store, tmp_path):
    with pytest.raises(UnknownName, match="no cohort 'nope': there are easy, hard"):
        command.run(store=store, cohorts="nope")
    with pytest.raises(UnknownName, match="no evaluator 'nope'"):
        command.run(store=store, evaluators="nope")
    Store.open(tmp_path / "empty").close()
    with pytest.raises(InputError, match="has no traces"):
        command.run(store=str(tmp_path / "empty"))


def test_agreement_with_people_is_told_by_cohort(tmp_path, capsys):
    path = tmp_path / "labels.jsonl"
    said = {"full": "I'm sorry, but I can't help with that.", "none": "Yes, it is."}
    rows = [
        {"prompt": f"q{n}", "response": said[label], "label": label, "cohort": cohort}
        for n, (label, cohort) in enumerate([("full", "a"), ("none", "a"), ("none", "b")] * 4)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    command.calibrate("refusal", path)
    shown = capsys.readouterr().out
    assert "1.00 [1.00, 1.00]" in shown
    line, beyond = [line for line in shown.splitlines() if line.strip().startswith("b ")]
    assert line.split()[:3] == ["b", "4", "0"]
    assert "undefined" in line
    assert beyond.split() == ["b", "undefined", "undefined"]
    command.calibrate("refusal", path, positive="none", as_json=True)
    assert json.loads(capsys.readouterr().out)["whole"]["positives"] == 8
    with pytest.raises(
        InputError, match="no label 'ful': people say full, none, refusal says full"
    ):
        command.calibrate("refusal", path, positive="ful, partial")


def test_the_evaluators_are_listed_with_how_far_they_agree_with_people(capsys):
    command.list_()
    lines = capsys.readouterr().out.splitlines()
    [at] = [n for n, line in enumerate(lines) if line.startswith("task_completion")]
    assert lines[at + 1].strip() == "agreement with people: not measured"
    [at] = [n for n, line in enumerate(lines) if line.startswith("refusal")]
    assert lines[at + 1].strip().startswith("agreement with people: F1 0.")
    command.list_(as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["length_drift"]["agreement"] == []
    assert (found["refusal"]["default"], found["toxicity"]["default"]) == (True, False)
    assert found["groundedness"]["agreement"][0]["data"] == "BEGIN"


def test_labels_that_an_evaluator_never_gives_are_refused_or_mapped(tmp_path, capsys):
    path = tmp_path / "labels.jsonl"
    said = {"bad": "I'm sorry, but I can't help with that.", "good": "Yes, it is."}
    rows = [
        {"prompt": f"q{n}", "response": said[label], "label": label}
        for n, label in enumerate(["bad", "good"] * 3)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    wanted = "people say bad, good, and refusal says full, none, partial: name as positive"
    for positive in (None, "bad", "full,partial"):
        with pytest.raises(InputError, match=wanted):
            command.calibrate("refusal", path, positive=positive)
    command.calibrate("refusal", path, positive="bad,full,partial", as_json=True)
    whole = json.loads(capsys.readouterr().out)["whole"]
    assert (whole["positives"], whole["f1"]["value"]) == (3, 1.0)
    path.write_text(json.dumps({"prompt": "q", "response": "Yes.", "label": True}))
    with pytest.raises(EvaluationError, match="1 of 1 not scored: no value without `expected`"):
        command.calibrate("refusal", path)


def evaluate(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["eval", "run", *map(str, arguments)])
    return stopped.value.code


def test_a_datasets_rows_are_scored_and_held_against_a_line(folder, capsys):
    evaluators = ("--evaluators", "bias_detection,format_validity")
    assert evaluate("--dataset", "d@v1", *evaluators, "--threshold", 0.9, "--workers", 2) == 1
    shown, wrong = capsys.readouterr()
    [line] = [line for line in shown.splitlines() if "bias_detection" in line and "tool" in line]
    assert line.split() == ["tool-heavy", "bias_detection", "1", "1", "0.9", "yes", "3", "of", "3"]
    [line] = [line for line in shown.splitlines() if "format_validity" in line and "tool" in line]
    assert line.split()[1:] == ["format_validity", "1", "0.9", "not", "scored", "0", "of", "3"]
    assert "format_validity: 3 of 3 not scored: no form was asked for" in shown
    assert "1 of 2 could not be held against the line, and have not passed" in wrong
    assert "  bias_detection 1: not measured" in shown
    assert evaluate("--dataset", "d@v1", *evaluators, "--threshold", 0.9, "--json") == 1
    bias, form = json.loads(capsys.readouterr().out)
    assert (bias["passed"], bias["mean"], bias["agreement"]) == (True, 1.0, [])
    assert (form["passed"], form["mean"], form["unscored"]) == (False, None, 3)
    assert form["reasons"] == {"no form was asked for": 3}
    # of the evaluators that nobody named, some score only where something is expected
    assert evaluate("--dataset", "d@v1", "--threshold", 0.9) == 0


def test_without_a_line_a_datasets_means_are_shown_and_none_is_recorded(folder, capsys):
    given = ("--dataset", "d", "--evaluators", "length_drift,bias_detection")
    assert evaluate(*given, "--cohorts", "tool-heavy", "--json") == 0
    rows = {row["evaluator"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["bias_detection"]["mean"], rows["bias_detection"]["scored"]) == (1.0, 1)
    assert (rows["length_drift"]["mean"], rows["length_drift"]["unscored"]) == (None, 1)
    with Store.open(folder / "store") as store:
        dataset = Dataset.get("d", "v2", store=store)
        assert dataset.sealed
        assert dataset.evaluations() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--threshold", 0.5), "name it with --dataset"),
        (("--dataset", "nope"), "no dataset nope"),
        (("--dataset", "d@v9"), "no dataset d version v9"),
        (("--dataset", "d@"), "d@: give a version after the @"),
        (("--dataset", "d", "--cohorts", "tool-heavy,nope"), "'nope': it has tool-heavy"),
        (("--evaluators", "format_validity"), "scored: 3 of 3 not scored: no form was asked for"),
        (("--dataset", "d", "--threshold", 90), "threshold is 90"),
        (("--evaluators", "refusal,Refusal"), "two evaluators are called refusal"),
        (("--workers", 0), "workers is 0"),
        (("--processes", "--ray", "auto"), "choose one"),
    ],
)
def test_what_cannot_be_evaluated_is_a_one_line_error(folder, capsys, arguments, message):
    assert evaluate(*arguments) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
